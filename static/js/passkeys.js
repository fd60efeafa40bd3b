/* Passkeys: ask the browser for one and send what it says with the form. Without it, every other log-in works. */
(function () {
  "use strict";

  var trouble = document.getElementById("passkey-trouble");

  function complain(kind) {
    trouble.textContent = trouble.dataset[kind];
    trouble.hidden = false;
    trouble.focus();
  }

  function toBuffer(text) {
    var padded = text.replace(/-/g, "+").replace(/_/g, "/") + "===".slice((text.length + 3) % 4);
    return Uint8Array.from(atob(padded), function (letter) { return letter.charCodeAt(0); }).buffer;
  }

  function toText(buffer) {
    var letters = "";
    new Uint8Array(buffer).forEach(function (byte) { letters += String.fromCharCode(byte); });
    return btoa(letters).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
  }

  function withIds(list) {
    return (list || []).map(function (one) { return Object.assign({}, one, { id: toBuffer(one.id) }); });
  }

  /* The server's options with real buffers. */
  function prepare(options, kind) {
    var wanted = Object.assign({}, options.publicKey, { challenge: toBuffer(options.publicKey.challenge) });
    if (kind === "create") {
      wanted.user = Object.assign({}, wanted.user, { id: toBuffer(wanted.user.id) });
      wanted.excludeCredentials = withIds(wanted.excludeCredentials);
    } else {
      wanted.allowCredentials = withIds(wanted.allowCredentials);
    }
    return { publicKey: wanted };
  }

  /* What the server reads: buffers as base64url. */
  function toPlain(credential) {
    var response = {};
    ["clientDataJSON", "attestationObject", "authenticatorData", "signature", "userHandle"].forEach(function (name) {
      if (credential.response[name]) response[name] = toText(credential.response[name]);
    });
    if (credential.response.getTransports) response.transports = credential.response.getTransports();
    return {
      type: credential.type,
      id: credential.id,
      rawId: toText(credential.rawId),
      authenticatorAttachment: credential.authenticatorAttachment,
      response: response,
      clientExtensionResults: credential.getClientExtensionResults()
    };
  }

  function optionsOf(button) {
    if (!button.dataset.optionsUrl) {
      return Promise.resolve(JSON.parse(document.getElementById(button.dataset.options).textContent));
    }
    return fetch(button.dataset.optionsUrl, { headers: { Accept: "application/json" }, credentials: "same-origin" })
      .then(function (answer) {
        if (!answer.ok) throw new Error("no options");
        return answer.json();
      });
  }

  function ask(button, data) {
    var kind = button.dataset.passkey;
    var options = prepare(data.creation_options || data.request_options, kind);
    if (kind !== "create") return navigator.credentials.get(options);
    var alone = document.getElementById(button.dataset.alone).checked;
    options.publicKey.authenticatorSelection = Object.assign(
      {},
      options.publicKey.authenticatorSelection,
      { residentKey: alone ? "required" : "discouraged", requireResidentKey: alone },
      alone ? { userVerification: "required" } : {}
    );
    return navigator.credentials.create(options);
  }

  document.addEventListener("click", function (event) {
    var button = event.target.closest("[data-passkey]");
    if (!button || button.disabled) return;
    if (!window.PublicKeyCredential || !window.isSecureContext) {
      complain("impossible");
      return;
    }
    button.disabled = true;
    trouble.hidden = true;
    optionsOf(button)
      .then(function (data) { return ask(button, data); })
      .then(function (credential) {
        document.getElementById(button.dataset.field).value = JSON.stringify(toPlain(credential));
        button.form.submit();
      })
      .catch(function (error) {
        button.disabled = false;
        var kinds = { NotAllowedError: "refused", AbortError: "refused", InvalidStateError: "known", SecurityError: "impossible" };
        complain(kinds[error.name] || "failed");
      });
  });
})();
