#!/bin/sh
# Set up an organization with curl alone, from its management key to the first metered call.
#
#   METERHOUSE_URL=https://console.example.com METERHOUSE_ADMIN_KEY=sk-… sh setup.sh
#
# What is there already is kept: run it as often as you like, also after it was interrupted. It wants a POSIX shell and
# curl 7.71 or newer. What may be set, all of it optional:
#
#   ORGANIZATION   its new name                     TIME_ZONE     such as Europe/Berlin
#   PROJECTS       names, by space                  INVITE        addresses of developers, by space
#   NETWORKS       where the key may be used from   LIMIT         USD a month for the organization
#   WEBHOOK_URL    where limits are told to         CREDIT_CODE   a code for credit
#   SETUP_DIR      where secrets are put, readable by you alone
set -eu
umask 077

: "${METERHOUSE_URL:?is not set: the address of Meterhouse, such as https://console.example.com}"
: "${METERHOUSE_ADMIN_KEY:?is not set: a key with the permission Management API}"
PROJECTS=${PROJECTS:-website research}
LIMIT=${LIMIT:-50.00}
SETUP_DIR=${SETUP_DIR:-meterhouse-setup}
api=${METERHOUSE_URL%/}/api/v1

mkdir -p "$SETUP_DIR"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
# In a file: what stands on a command line is seen by everybody on the machine.
printf 'Authorization: Bearer %s\n' "$METERHOUSE_ADMIN_KEY" > "$work/admin"
[ -s "$SETUP_DIR/run" ] || printf '%s' "$(date +%s)-$$" > "$SETUP_DIR/run"

say() { printf '%s\n' "$*" >&2; }
fail() { say "setup: $*"; exit 1; }

# text VALUE: as JSON.
text() { printf '"%s"' "$(printf '%s' "$1" | tr -d '\000-\037' | sed 's/[\\"]/\\&/g')"; }

# texts "ONE TWO": as a JSON list.
texts() {
    list=
    for one in $1; do list="$list${list:+,}$(text "$one")"; done
    printf '[%s]' "$list"
}

# member NAME: the first such member of the JSON on standard input, where it is a text or a number.
member() { tr '{,}' '\n\n\n' | sed -n 's/^\[*"'"$1"'":"\{0,1\}\([^"]*\)"\{0,1\}$/\1/p' | sed -n 1p; }

# call METHOD PATH [BODY]: the answer; 1 and the reason when it is refused, with the error's code in $work/code.
# Until a run is through, the same request has the same Idempotency-Key, also after an interruption: it takes effect
# once. With `again` set it is meant anew.
call() {
    set -- "$1" "$2" "${3:-}"
    sum=$(printf '%s %s %s' "$1" "$2" "$3" | cksum | tr ' ' -)-$(cat "$SETUP_DIR/run")${again:-}
    status=$(curl --silent --show-error --max-time 60 --retry 5 --retry-all-errors --request "$1" "$api$2" \
        --header "@$work/admin" --header "Content-Type: application/json" --header "Idempotency-Key: setup-$sum" \
        ${3:+--data-binary "$3"} --output "$work/answer" --write-out '%{http_code}') || fail "no answer from $api$2"
    case $status in
        2*) cat "$work/answer" ;;
        *)
            member code < "$work/answer" > "$work/code"
            say "$1 $2: $status $(sed 's/.*"message":"\([^"]*\)".*/\1/' "$work/answer")"
            return 1
            ;;
    esac
}

# find PATH NAME VALUE: the id of the first entry of a list whose member NAME has that value; nothing when none has.
find() {
    cursor=
    while :; do
        call GET "$1?limit=100${4:+&$4}${cursor:+&cursor=$cursor}" > "$work/page" || return 1
        id=$(tr '{,}' '\n\n\n' < "$work/page" | awk -v wanted="\"$2\":$(text "$3")" '
            /^\[*"id":/ { id = $0; sub(/^\[*"id":"/, "", id); sub(/"$/, "", id) }
            $0 == wanted { print id; exit }')
        [ -z "$id" ] || { printf '%s\n' "$id"; return 0; }
        grep -q '"has_more":true' "$work/page" || return 0
        cursor=$(member next_cursor < "$work/page")
    done
}

# ------------------------------------------------------------------ who

call GET /me > "$work/me" || fail "the key is not accepted"
grep -q '"management"' "$work/me" || fail "this key may not manage; make one with the permission Management API"

changes=
[ -z "${ORGANIZATION:-}" ] || changes="\"name\": $(text "$ORGANIZATION")"
[ -z "${TIME_ZONE:-}" ] || changes="$changes${changes:+, }\"time_zone\": $(text "$TIME_ZONE")"
[ -z "$changes" ] || call PATCH /organization "{$changes}" > /dev/null || fail "the organization stays as it was"
say "organization  $(call GET /organization | member id)"

# ------------------------------------------------------------------ projects and people

first_project=
for name in $PROJECTS; do
    project=$(find /projects name "$name" status=active)
    [ -n "$project" ] || project=$(call POST /projects "{\"name\": $(text "$name")}" | member id)
    [ -n "$project" ] || fail "there is no project $name"
    first_project=${first_project:-$project}
    say "project       $name $project"
done

for email in ${INVITE:-}; do
    if call GET '/members?limit=100' | grep -qF "\"email\":$(text "$email")"; then
        say "member        $email"
    elif [ -n "$(find /invitations email "$email")" ]; then
        say "invited       $email"
    else
        call POST /invitations "{\"email\": $(text "$email"), \"role\": \"developer\",
            \"project_ids\": [\"$first_project\"]}" > /dev/null || fail "$email is not invited"
        say "invited       $email, by mail"
    fi
done

# ------------------------------------------------------------------ keys

# key NAME BODY: a key whose secret lies in a file. A key whose secret nobody has gets a new one.
key() {
    file=$SETUP_DIR/$1.key
    id=$(find /keys name "$1" "status=active&status=expires_soon&project=$first_project")
    if [ -n "$id" ] && [ -s "$file" ]; then
        say "key           $1 $id, as it was"
        return
    fi
    body="{\"name\": \"$1\", \"project_id\": \"$first_project\", $2}"
    # Asked for even where it is there: an answer that was lost a moment ago is given again.
    if ! call POST /keys "$body" > "$work/key"; then
        [ -n "$id" ] || fail "there is no key $1"
        again=-$(date +%s)-$$
        call POST "/keys/$id/regenerate" '{"grace": "now"}' > "$work/key" || fail "the key $1 has no secret"
        again=
    fi
    id=$(member id < "$work/key")
    member secret < "$work/key" > "$file.new"
    [ -s "$file.new" ] || fail "the key $1 has no secret"
    mv "$file.new" "$file"
    say "key           $1 $id, its secret is in $file"
}

model=$(call GET /models | member id)
networks=
[ -z "${NETWORKS:-}" ] || networks=", \"allowed_networks\": $(texts "$NETWORKS")"
key website "\"scopes\": [\"chat\"], \"requests_per_minute\": 60, \"allowed_models\": [$(text "$model")]$networks"
website=$id
key reports '"scopes": ["usage"]'

# ------------------------------------------------------------------ money

terms="\"amount\": $(text "$LIMIT"), \"is_hard\": true, \"thresholds\": [50, 80, 100]"
if ! call POST /limits "{\"measure\": \"usd\", \"window\": \"month\", $terms}" > "$work/limit" 2> "$work/said"; then
    [ "$(cat "$work/code")" = limit_exists ] || { cat "$work/said" >&2; fail "there is no limit"; }
    call GET '/limits?limit=100' | sed 's/{"object":"limit"/\
&/g' | sed -n '/"applies_to":"organization".*"measure":"usd".*"window":"month"/p' | sed -n 1p > "$work/limit"
fi
limit=$(member id < "$work/limit")
call PATCH "/limits/$limit" "{$terms}" > /dev/null || fail "the limit stays as it was"
say "limit         \$$LIMIT a month $limit"

if [ -n "${CREDIT_CODE:-}" ]; then
    if call POST /redemptions "{\"code\": $(text "$CREDIT_CODE")}" > "$work/grant" 2> "$work/said"; then
        say "credit        \$$(member amount < "$work/grant")"
    elif [ "$(cat "$work/code")" = code_redeemed ]; then
        say "credit        this code was redeemed before"
    else
        cat "$work/said" >&2
        fail "the code was not redeemed"
    fi
fi

if [ -n "${WEBHOOK_URL:-}" ]; then
    webhook=$(find /webhooks url "$WEBHOOK_URL")
    if [ -z "$webhook" ] || [ ! -s "$SETUP_DIR/webhook.secret" ]; then
        if [ -z "$webhook" ]; then
            call POST /webhooks "{\"url\": $(text "$WEBHOOK_URL"),
                \"types\": [\"limit.threshold_reached\", \"limit.reached\", \"balance.low\"]}" > "$work/webhook" ||
                fail "there is no webhook"
        else
            # It is there, and nobody has its secret.
            again=-$(date +%s)-$$
            call POST "/webhooks/$webhook/rotate" '{"overlap": "now"}' > "$work/webhook" || fail "no webhook secret"
            again=
        fi
        webhook=$(member id < "$work/webhook")
        member secret < "$work/webhook" > "$SETUP_DIR/webhook.secret.new"
        mv "$SETUP_DIR/webhook.secret.new" "$SETUP_DIR/webhook.secret"
    fi
    say "webhook       $webhook, its secret is in $SETUP_DIR/webhook.secret"
fi

# ------------------------------------------------------------------ the first call, and what it cost

if [ ! -s "$SETUP_DIR/first-request" ]; then
    printf 'Authorization: Bearer %s\n' "$(cat "$SETUP_DIR/website.key")" > "$work/chat"
    status=$(curl --silent --show-error --max-time 120 "${METERHOUSE_URL%/}/v1/chat/completions" \
        --header "@$work/chat" --header "Content-Type: application/json" \
        --data-binary "{\"model\": $(text "$model"), \"messages\": [{\"role\": \"user\", \"content\": \"Hello!\"}]}" \
        --dump-header "$work/headers" --output "$work/answer" --write-out '%{http_code}') || fail "no answer to a chat"
    [ "$status" = 200 ] || fail "the first call was refused: $status $(member message < "$work/answer")"
    member total_tokens < "$work/answer" > "$SETUP_DIR/first-tokens"
    tr -d '\r' < "$work/headers" | sed -n 's/^[Xx]-[Rr]equest-[Ii][Dd]: //p' > "$work/first-request"
    mv "$work/first-request" "$SETUP_DIR/first-request"
fi

request=$(cat "$SETUP_DIR/first-request")
call GET "/requests/$request" > "$work/request" || fail "the first call is not in the books"
input=$(member input_tokens < "$work/request")
output=$(member output_tokens < "$work/request")
[ "$((input + output))" = "$(cat "$SETUP_DIR/first-tokens")" ] || fail "the books have other tokens than the answer"
cost=$(member cost < "$work/request")
case $cost in *[1-9]*) ;; *) fail "the first call cost nothing" ;; esac
usage=$(call GET "/usage?period=today&key=$website" | sed 's/.*"totals"://')
say "first call    $request: $((input + output)) tokens, \$$cost"
say "today         $(printf '%s' "$usage" | member requests) requests, \$$(printf '%s' "$usage" | member cost)"
rm -f "$SETUP_DIR/run"
say "Done. The secrets are in $SETUP_DIR."
