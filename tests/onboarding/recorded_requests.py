"""Requests as people record them: a curl line, and a Postman collection."""

from __future__ import annotations

from typing import Any

BASH = r"""$ curl -X POST \
  'https://us9.api.mailchimp.com/3.0/lists/a1b2c3d4e5/members?skip_merge_validation=true' \
  --user "anystring:0123456789abcdef-us9" -H 'Content-Type: application/json' -s \
  -d '{"email_address":"real.person@mail.example","status":"subscribed",
       "merge_fields":{"FNAME":"Zo\u00eb","LNAME":"O'\''Neil","BDAY":"12/15"}}' | jq ."""
COLLECTION: dict[str, Any] = {
    "info": {"name": "Acme", "schema": "https://schema.getpostman.com/json/collection/v2.1.0/collection.json"},
    "auth": {"type": "apikey", "apikey": [{"key": "key", "value": "X-Key"}, {"key": "value", "value": "{{apiKey}}"}]},
    "variable": [{"key": "base", "value": "https://api.example.com/v1"}, {"key": "apiKey", "value": "k-secret-9"}],
    "item": [
        {
            "name": "People",
            "item": [
                {
                    "name": "Create person",
                    "request": {
                        "method": "POST",
                        "header": [{"key": "X-Off", "value": "1", "disabled": True}],
                        "url": {
                            "raw": "{{base}}/lists/:list/contacts?dry=true",
                            "query": [{"key": "dry", "value": "true", "disabled": True}],
                            "variable": [{"key": "list", "value": ""}],
                        },
                        "body": {
                            "mode": "raw",
                            "raw": '{"id": "{{$guid}}", "mail": "x@mail.example", "tier": {{tier}}}',
                            "options": {"raw": {"language": "json"}},
                        },
                    },
                    "response": [
                        {"name": "Stored", "code": 201, "body": '{"uuid": "u-1"}'},
                        {
                            "name": "Known",
                            "code": 400,
                            "body": '{"error": "contact already exists", "code": "DUPLICATE"}',
                        },
                    ],
                },
                {"name": "List", "request": "{{base}}/contacts"},
            ],
        }
    ],
}
