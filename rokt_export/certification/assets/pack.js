"use strict";
(() => {
  const at = (id) => document.getElementById(id);
  const pack = JSON.parse(at("pack").textContent), texts = JSON.parse(at("texts").textContent);
  const form = at("form"), state = at("state"), key = `rokt-export ${pack.digest}`;
  const MARKUP = /<\s*\/?\s*(script|iframe|object|embed|img|svg|style|link)\b|javascript:/i;
  const filled = (text, values) => text.replace(/\{(\w+)\}/g, (whole, name) => name in values ? String(values[name]) : whole);
  const findings = [...document.querySelectorAll("[data-finding]")].map((element) => element.dataset.finding);
  /** The ids of the sends of each person that is looked up once; the first has the choice for all of them. */
  const people = [...document.querySelectorAll("[data-record]")].map((element) => element.dataset.record.split(" "));
  const records = people.map(([id]) => id), questions = pack.questions.map((question) => question.id);
  const chosen = (name) => form.querySelector(`input[name="${name}"]:checked`)?.value ?? null;
  const today = () => new Date(Date.now() - new Date().getTimezoneOffset() * 60000).toISOString().slice(0, 10);

  function answers() {
    const found = { format: "rokt-export certification answers", version: 1, run: pack.run.id, spec_hash: pack.spec.hash,
      pack_digest: pack.digest, records: {}, findings: {}, questions: {}, name: at("name").value.trim(), date: at("date").value };
    for (const ids of people) {
      const value = chosen(ids[0]), note = value === "differs" ? at(`${ids[0]}-note`).value.trim() : "";
      if (value) for (const id of ids) found.records[id] = { found: value, note };
    }
    for (const id of findings) if (chosen(id)) found.findings[id] = chosen(id);
    for (const id of questions) if (at(id).value.trim()) found.questions[id] = at(id).value.trim();
    return found;
  }

  const asked = records.length + findings.length + questions.length;
  const given = (found) => records.filter((id) => found.records[id]).length + Object.keys(found.findings).length
    + Object.keys(found.questions).length;

  // --- a draft, where the browser keeps one for this page

  function keep(found) {
    try { localStorage.setItem(key, JSON.stringify(found)); } catch { /* a browser that keeps nothing for files */ }
  }

  function draft() {
    try { return JSON.parse(localStorage.getItem(key)); } catch { return null; }
  }

  function fill(found) {
    for (const [name, value] of [
      ...records.map((id) => [id, found.records?.[id]?.found]), ...findings.map((id) => [id, found.findings?.[id]]),
    ]) {
      for (const radio of form.querySelectorAll(`input[name="${name}"]`)) radio.checked = radio.value === value;
    }
    for (const id of records) at(`${id}-note`).value = found.records?.[id]?.note ?? "";
    for (const id of questions) at(id).value = found.questions?.[id] ?? "";
    at("name").value = found.name ?? "";
    at("date").value = found.date || today();
  }

  // --- what is shown as it changes

  function refresh(text = "") {
    for (const id of records) at(`${id}-note`).closest(".note").hidden = chosen(id) !== "differs";
    state.textContent = text || filled(texts.progress, { done: given(answers()), all: asked });
  }

  function wrong(id, text) {
    at(id).setAttribute("aria-invalid", text ? "true" : "false");
    at(id).setAttribute("aria-describedby", [at(`${id}-why`) && `${id}-why`, text && `${id}-wrong`].filter(Boolean).join(" "));
    at(`${id}-wrong`).textContent = text;
    return text ? id : null;
  }

  /** Return the answers, or null where something must be put right: the first such field has the focus then. */
  function checked() {
    const found = answers(), faults = [];
    for (const id of records) {
      const differs = found.records[id]?.found === "differs", note = found.records[id]?.note ?? "";
      faults.push(wrong(`${id}-note`, differs && !note ? texts.need_note : MARKUP.test(note) ? texts.markup : ""));
    }
    for (const id of questions) faults.push(wrong(id, MARKUP.test(found.questions[id] ?? "") ? texts.markup : ""));
    faults.push(wrong("name", !found.name ? texts.need_name : MARKUP.test(found.name) ? texts.markup : ""));
    faults.push(wrong("date", !found.date || found.date > today() ? texts.need_date : ""));
    const first = faults.find(Boolean);
    if (first) at(first).focus();
    return first ? null : found;
  }

  // --- the file, and the text for a mail

  function save() {
    const found = checked();
    if (!found) return;
    const file = `${pack.spec.partner}-${pack.run.id}.answers.json`;
    const url = URL.createObjectURL(new Blob([`${JSON.stringify(found, null, 2)}\n`], { type: "application/json" }));
    const link = document.createElement("a");
    link.href = url;
    link.download = file;
    link.click();
    setTimeout(() => URL.revokeObjectURL(url), 60000);
    const n = asked - given(found);
    refresh(filled(n ? texts.open : texts.saved, { file, n }));
  }

  function crc32(bytes) {
    let crc = -1;
    for (const byte of bytes) {
      crc ^= byte;
      for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0);
    }
    return ((crc ^ -1) >>> 0).toString(16).padStart(8, "0");
  }

  function mail(found) {
    const lines = [filled(texts.mail_head, { partner: pack.spec.partner, run: pack.run.id }), ""];
    for (const ids of people) {
      const each = found.records[ids[0]];
      if (each) lines.push(`${ids.join(", ")}: ${texts.found[each.found]}${each.note}`);
    }
    for (const [id, each] of Object.entries(found.findings)) lines.push(`${id}: ${texts.findings[each]}`);
    for (const [id, each] of Object.entries(found.questions)) lines.push(`${id}: ${each}`);
    lines.push("", filled(texts.mail_signed, found), "", texts.mail_block, "");
    const bytes = new TextEncoder().encode(JSON.stringify(found));
    const text = btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join("")).replace(/=+$/, "");
    return [...lines, "-----BEGIN ROKT-EXPORT ANSWERS-----", crc32(bytes), ...text.match(/.{1,64}/g),
      "-----END ROKT-EXPORT ANSWERS-----", ""].join("\n");
  }

  function show() {
    const found = checked();
    if (!found) return;
    at("mail-part").hidden = false;
    at("mail").value = mail(found);
    at("mail").focus();
    at("mail").select();
    refresh(texts.copied);
  }

  function clear() {
    if (!confirm(texts.clear)) return;
    fill({});
    try { localStorage.removeItem(key); } catch { /* nothing was kept */ }
    at("mail-part").hidden = true;
    refresh(texts.cleared);
  }

  /** Answer what is not answered yet in a group of records. */
  function answerRest(button) {
    for (const radio of button.closest("section").querySelectorAll(`input[value="${button.dataset.rest}"]`)) {
      if (!chosen(radio.name)) radio.checked = true;
    }
    keep(answers());
    refresh();
  }

  form.addEventListener("input", () => { keep(answers()); refresh(); });
  form.addEventListener("submit", (event) => { event.preventDefault(); save(); });
  // Enter in a field must not save: nobody who is still writing means that.
  form.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && event.target.tagName === "INPUT") event.preventDefault();
  });
  at("show").addEventListener("click", show);
  at("clear").addEventListener("click", clear);
  for (const button of document.querySelectorAll("[data-rest]")) button.addEventListener("click", () => answerRest(button));
  let closed = [];
  addEventListener("beforeprint", () => {
    closed = [...document.querySelectorAll("form details:not([open])")];
    for (const each of closed) each.open = true;
  });
  addEventListener("afterprint", () => { for (const each of closed) each.open = false; });

  const before = draft();
  fill(before ?? {});
  refresh(before ? texts.kept : "");
})();
