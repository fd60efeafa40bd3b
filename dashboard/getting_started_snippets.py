"""The first call in three languages: complete programs that run as they are."""

import json
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext_lazy as _

VARIABLE = "METERHOUSE_KEY"


@dataclass(frozen=True, slots=True)
class Snippet:
    language: str
    label: str
    # What has to be there first, and how to run it.
    before: Any
    code: str


def snippets(base_url: str, model: str, secret: str = "") -> list[Snippet]:
    """With a secret it stands in the code; without one the key comes from the environment."""
    body = json.dumps({"model": model, "messages": [{"role": "user", "content": "Hello!"}]})
    named = json.dumps(model)
    python_key = f'"{secret}"' if secret else f'os.environ["{VARIABLE}"]'
    python_import = "" if secret else "import os\n\n"
    node_key = f'"{secret}"' if secret else f"process.env.{VARIABLE}"
    return [
        Snippet(
            "sh",
            "curl",
            "",
            f"curl {base_url}/chat/completions \\\n"
            f'  -H "Authorization: Bearer {secret or f"${VARIABLE}"}" \\\n'
            '  -H "Content-Type: application/json" \\\n'
            f"  -d '{body.replace(chr(39), chr(92) + 'u0027')}'\n",
        ),
        Snippet(
            "python",
            "Python",
            _("First: pip install openai"),
            f"{python_import}from openai import OpenAI\n\n"
            f'client = OpenAI(base_url="{base_url}", api_key={python_key})\n'
            "answer = client.chat.completions.create(\n"
            f"    model={named},\n"
            '    messages=[{"role": "user", "content": "Hello!"}],\n'
            ")\n"
            "print(answer.choices[0].message.content)\n",
        ),
        Snippet(
            "js",
            "Node",
            _("First: npm install openai; save it as hello.mjs and run node hello.mjs"),
            'import OpenAI from "openai";\n\n'
            f'const client = new OpenAI({{ baseURL: "{base_url}", apiKey: {node_key} }});\n'
            "const answer = await client.chat.completions.create({\n"
            f"  model: {named},\n"
            '  messages: [{ role: "user", content: "Hello!" }],\n'
            "});\n"
            "console.log(answer.choices[0].message.content);\n",
        ),
    ]
