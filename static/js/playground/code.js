// The request on screen as a program: curl, Python, Node and plain JSON. The key always comes from the environment.

import { copy } from "./conversation.js";

const KEY = "METERHOUSE_KEY";

function python(value, indent) {
  const deeper = `${indent}    `;
  if (value === null) return "None";
  if (value === true) return "True";
  if (value === false) return "False";
  if (Array.isArray(value)) {
    if (value.every((item) => typeof item !== "object")) return `[${value.map((item) => python(item, "")).join(", ")}]`;
    return `[\n${value.map((item) => `${deeper}${python(item, deeper)},\n`).join("")}${indent}]`;
  }
  if (typeof value === "object") {
    return `{${Object.entries(value).map(([name, item]) => `${JSON.stringify(name)}: ${python(item, indent)}`).join(", ")}}`;
  }
  return JSON.stringify(value);
}

function curl(request, baseUrl) {
  return [
    `curl ${request.stream ? "-N " : ""}${baseUrl}/chat/completions \\`,
    `  -H "Authorization: Bearer $${KEY}" \\`,
    `  -H "Content-Type: application/json" \\`,
    `  -d @- <<'JSON'`,
    JSON.stringify(request, null, 2),
    "JSON",
  ].join("\n");
}

function pythonCode(request, baseUrl) {
  const members = Object.entries(request).map(([name, value]) => `    ${name}=${python(value, "    ")},`);
  const call = ["client.chat.completions.create(", ...members, ")"].join("\n");
  const ending = request.stream
    ? [`stream = ${call}`, "for chunk in stream:", '    print(chunk.choices[0].delta.content or "", end="", flush=True)', "print()"]
    : [`completion = ${call}`, "print(completion.choices[0].message.content)"];
  return [
    "import os",
    "",
    "from openai import OpenAI",
    "",
    `client = OpenAI(base_url=${JSON.stringify(baseUrl)}, api_key=os.environ["${KEY}"])`,
    ...ending,
  ].join("\n");
}

function nodeCode(request, baseUrl) {
  const members = JSON.stringify(request, null, 2).replace(/^(\s*)"(\w+)":/gm, "$1$2:");
  const call = `await client.chat.completions.create(${members});`;
  const ending = request.stream
    ? [
        `const stream = ${call}`,
        "for await (const chunk of stream) {",
        '  process.stdout.write(chunk.choices[0]?.delta?.content ?? "");',
        "}",
        'process.stdout.write("\\n");',
      ]
    : [`const completion = ${call}`, "console.log(completion.choices[0].message.content);"];
  return [
    'import OpenAI from "openai";',
    "",
    `const client = new OpenAI({ baseURL: ${JSON.stringify(baseUrl)}, apiKey: process.env.${KEY} });`,
    ...ending,
  ].join("\n");
}

const LANGUAGES = {
  curl,
  python: pythonCode,
  node: nodeCode,
  json: (request) => JSON.stringify(request, null, 2),
};

// ---------------------------------------------------------------- the dialog

/** Prepares the dialog; what comes back opens it. `request()` is what would be sent now. */
export function codeDialog(dialog, baseUrl, request) {
  const tabs = [...dialog.querySelectorAll('[role="tab"]')];
  const panel = dialog.querySelector('[role="tabpanel"]');
  const text = panel.querySelector("code");

  function choose(chosen) {
    for (const tab of tabs) {
      const active = tab === chosen;
      tab.setAttribute("aria-selected", String(active));
      tab.tabIndex = active ? 0 : -1;
      tab.classList.toggle("active", active);
    }
    panel.setAttribute("aria-labelledby", chosen.id);
    text.textContent = LANGUAGES[chosen.dataset.language](request(), baseUrl);
  }

  dialog.addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (!button) return;
    if (tabs.includes(button)) choose(button);
    if (button.dataset.copyCode) copy(text.textContent, button);
    if (button.dataset.closeCode) dialog.close();
  });
  dialog.addEventListener("keydown", (event) => {
    const at = tabs.indexOf(document.activeElement);
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (at < 0 || !step) return;
    event.preventDefault();
    const next = tabs[(at + step + tabs.length) % tabs.length];
    choose(next);
    next.focus();
  });

  return () => {
    choose(tabs.find((tab) => tab.tabIndex === 0));
    dialog.showModal();
  };
}
