"""Small documents, written for these tests: OpenAPI 3.0 with each thing that is read, and two other versions."""

from __future__ import annotations

import json
from typing import Any

ACME = """
openapi: 3.0.3
info: {title: Acme API, version: '1'}
externalDocs: {url: https://docs.example.com/contacts}
servers:
  - {url: 'https://sandbox.example.com/v1', description: Sandbox}
  - url: 'https://{region}.example.com/v{version}'
    variables:
      region: {default: eu, enum: [eu, us]}
      version: {default: '1'}
security: [{key: []}]
paths:
  /lists/{list_id}/contacts:
    parameters:
      - {name: list_id, in: path, required: true, description: Which list, schema: {type: string}}
    get: {operationId: listContacts, summary: List contacts, responses: {'200': {description: All}}}
    post:
      operationId: createContact
      summary: Create a contact
      x-ratelimit: {burst: 10/s, steady: 300/m}
      parameters:
        - {name: Idempotency-Key, in: header, schema: {type: string}}
        - {name: Acme-Version, in: header, schema: {type: string, default: '2026-01'}}
      requestBody:
        content:
          application/json: {schema: {$ref: '#/components/schemas/NewContact'}}
      responses:
        '202':
          description: Accepted
          content:
            application/json:
              schema: {type: object, properties: {job_id: {type: string}}}
              example: {job_id: 7f1c, email: real.person@mail.example}
        '401': {$ref: '#/components/responses/Refused'}
        '409': {$ref: '#/components/responses/Refused'}
        '422':
          description: Not valid
          content:
            application/json:
              schema: {$ref: '#/components/schemas/Problem'}
              examples:
                bad: {value: {message: email is not valid, code: invalid_email}}
                known: {value: {message: This address is already subscribed, code: duplicate_contact}}
        '429':
          description: Slow down
          headers: {Retry-After: {schema: {type: integer}}}
components:
  securitySchemes:
    key: {type: apiKey, in: header, name: X-Acme-Key}
  responses:
    Refused:
      description: No
      content: {application/json: {schema: {$ref: '#/components/schemas/Problem'}}}
  schemas:
    Problem: {type: object, properties: {message: {type: string}, code: {type: string}}}
    Named:
      type: object
      required: [givenName]
      properties:
        givenName: {type: string, maxLength: 40}
        Nachname: {type: string}
    NewContact:
      required: [email, kind, tier, account_id, favourite]
      allOf:
        - {$ref: '#/components/schemas/Named'}
        - type: object
          properties:
            email: {type: string, format: email}
            kind: {type: string, enum: [contact]}
            tier: {type: string, enum: [free, paid]}
            account_id: {type: string}
            favourite: {type: string, description: The colour they like}
            title: {type: string, description: Job title}
            birthday: {type: string, format: date}
            gender: {type: string, enum: [Male, Female]}
            marketing_consent: {type: boolean}
            work_phone: {type: string}
            phone: {type: string, nullable: true, description: In E.164}
            id: {type: string, readOnly: true}
            parent: {$ref: '#/components/schemas/NewContact'}
            address:
              oneOf:
                - {type: object, properties: {text: {type: string}}}
                - {$ref: '#/components/schemas/Address'}
    Address:
      type: object
      properties:
        city: {type: string}
        state: {type: string}
        country: {type: string, minLength: 2, maxLength: 2, description: ISO 3166 alpha-2}
"""

SWAGGER: dict[str, Any] = {
    "swagger": "2.0",
    "info": {"title": "Old", "version": "1"},
    "host": "api.example.com",
    "basePath": "/v2",
    "schemes": ["http", "https"],
    "consumes": ["application/x-www-form-urlencoded"],
    "securityDefinitions": {"b": {"type": "basic"}},
    "security": [{"b": []}],
    "paths": {
        "/leads": {
            "put": {
                "summary": "Add a lead",
                "parameters": [
                    {"name": "EMAIL", "in": "formData", "type": "string", "required": True},
                    {"name": "FNAME", "in": "formData", "type": "string"},
                    {"name": "source", "in": "query", "type": "string", "required": True, "enum": ["rokt"]},
                ],
                "responses": {
                    "200": {
                        "description": "done",
                        "schema": {"type": "object", "properties": {"success": {"type": "boolean"}}},
                        "examples": {"application/json": {"success": True}},
                    }
                },
            }
        }
    },
}

NEWER: dict[str, Any] = {
    "openapi": "3.1.0",
    "info": {"title": "Newer", "version": "1"},
    "servers": [{"url": "https://test.example.com"}],
    "components": {
        "securitySchemes": {
            "o": {"type": "oauth2", "flows": {"clientCredentials": {"tokenUrl": "https://id.example.com/token"}}}
        }
    },
    "paths": {
        "/people": {
            "post": {
                "summary": "Create a person",
                "security": [{"o": []}],
                "requestBody": {
                    "content": {
                        "application/vnd.acme+json": {
                            "schema": {
                                "type": "object",
                                "required": ["people"],
                                "properties": {
                                    "people": {
                                        "type": "array",
                                        "minItems": 1,
                                        "items": {
                                            "type": "object",
                                            "required": ["mail", "format"],
                                            "properties": {
                                                "mail": {"type": ["string", "null"], "examples": ["a@example.com"]},
                                                "format": {"const": "v1"},
                                            },
                                        },
                                    }
                                },
                            }
                        }
                    }
                },
                "responses": {"201": {"description": "made"}, "default": {"description": "no"}},
            }
        }
    },
}


def with_path(document: dict[str, Any], path: str) -> str:
    """Return a document with one operation more, which creates a person too."""
    more = {"post": {"summary": "Create a customer", "responses": {"200": {"description": "ok"}}}}
    return json.dumps({**document, "paths": {**document["paths"], path: more}})


def with_reference(reference: str) -> str:
    """Return a document whose request body is the schema of a reference."""
    schema = {"schema": {"$ref": reference}}
    body = {"requestBody": {"content": {"application/json": schema}}}
    post = {"summary": "Create a lead", "responses": {}, **body}
    return json.dumps({"openapi": "3.0.0", "info": {"title": "r"}, "paths": {"/leads": {"post": post}}})
