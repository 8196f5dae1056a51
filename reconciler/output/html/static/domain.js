// The page of a domain: the copy buttons and the DMARC form (RFC 9989). All texts come from the page.
(() => {
"use strict";
const $ = (id) => document.getElementById(id);
const texts = JSON.parse($("texts").textContent);
const start = JSON.parse($("dmarc-start").textContent);

// Pages from disk may not use the clipboard interface in every browser. Then copying works through a selection.
const selected = (text) => {
  const area = document.createElement("textarea");
  area.value = text;
  area.className = "sr";
  area.setAttribute("readonly", "");
  document.body.append(area);
  area.select();
  const done = document.execCommand("copy");
  area.remove();
  return done;
};

const copied = async (text) => {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return selected(text);
  }
};

document.addEventListener("click", async (event) => {
  const button = event.target.closest("button.copy");
  if (!button) return;
  const source = button.dataset.copyFrom ? $(button.dataset.copyFrom) : button.parentElement.querySelector(".code");
  const text = button.dataset.copy ?? source.textContent;
  const word = button.querySelector("span");
  button.dataset.word ??= word.textContent;
  const done = await copied(text);
  button.focus();
  if (!done) {
    getSelection().selectAllChildren(source);
    $("live").textContent = texts.failed;
    return;
  }
  const what = button.closest(".form").querySelector("dt").textContent;
  $("live").textContent = texts.copied.replace("{what}", what);
  word.textContent = texts.done;
  button.classList.add("done");
  clearTimeout(Number(button.dataset.timer));
  button.dataset.timer = setTimeout(() => {
    word.textContent = button.dataset.word;
    button.classList.remove("done");
  }, 2000);
});

// Readers of a printed page cannot unfold anything, so everything is unfolded for printing.
let opened = [];
addEventListener("beforeprint", () => {
  opened = [...document.querySelectorAll("details:not([open])")];
  opened.forEach((details) => { details.open = true; });
});
addEventListener("afterprint", () => opened.forEach((details) => { details.open = false; }));

// The DMARC form.
const WEAKEST_FIRST = ["none", "quarantine", "reject"];
const form = $("dmarc-form");
const field = (name) => form.elements.namedItem(name);
const weaker = (one, other) => WEAKEST_FIRST.indexOf(one) < WEAKEST_FIRST.indexOf(other);

// A mailto: URI (RFC 6068). Separators of DMARC, and characters that a URI cannot contain, are percent-encoded.
const uri = (address) => {
  const given = /^mailto:/i.test(address);
  const plain = given ? address.slice(7) : address;
  const at = plain.lastIndexOf("@");
  const local = plain.slice(0, at);
  const host = plain.slice(at + 1).toLowerCase().replace(/\.$/, "");
  const goodHost = host.length <= 253 && /^([a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?\.)+[a-z0-9-]{1,63}$/.test(host);
  if (at < 1 || local.length > 256 || !goodHost || !/^[!-~]+$/.test(local) || local.includes("@")) return null;
  let encoded;
  if (given) {
    if (/%(?![0-9a-f]{2})/i.test(local)) return null;
    encoded = local.replace(/[!,;"<>\\^`{|}#?&=/[\]]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`);
  } else {
    encoded = encodeURIComponent(local).replace(/!/g, "%21").replace(/%2B/g, "+").replace(/%24/g, "$");
  }
  return encoded.length <= 256 ? { text: `mailto:${encoded}@${host}`, host } : null;
};

const addresses = (text, bad) => {
  const found = new Map();
  for (const word of text.split(/[\s;]+/).filter(Boolean)) {
    // A comma separates addresses only after a complete address. Otherwise it belongs to a local part.
    for (const part of word.split(/(?<=@[^,@]*),/).filter(Boolean)) {
      const plain = part.replace(/^,+|,+$/g, "");
      const made = uri(plain);
      if (made) found.set(made.text, made);
      else bad.push(plain);
    }
  }
  return [...found.values()];
};

const same = (one, other) => one === other || one.endsWith(`.${other}`) || other.endsWith(`.${one}`);

// The record and its notes. Tags with default values are omitted, except `p`, which old receivers require.
const compose = (choice) => {
  const bad = [];
  const rua = addresses(choice.rua, bad);
  const ruf = addresses(choice.ruf, bad);
  const tags = [["v", "DMARC1"], ["p", choice.p]];
  const sub = choice.sp || choice.p;
  if (sub !== choice.p) tags.push(["sp", sub]);
  const absent = choice.np || sub;
  if (absent !== sub) tags.push(["np", absent]);
  if (choice.adkim === "s") tags.push(["adkim", "s"]);
  if (choice.aspf === "s") tags.push(["aspf", "s"]);
  if (rua.length) tags.push(["rua", rua.map((one) => one.text).join(",")]);
  if (ruf.length) tags.push(["ruf", ruf.map((one) => one.text).join(",")]);
  if (choice.fo !== "0" && ruf.length) tags.push(["fo", choice.fo]);
  // Test mode weakens a policy by one step, and no policy is weaker than none.
  const testing = choice.t && [choice.p, sub, absent].some((policy) => policy !== "none");
  if (testing) tags.push(["t", "y"]);
  const outside = [...new Set([...rua, ...ruf].map((one) => one.host))].filter((host) => !same(host, start.domain));
  return {
    value: tags.map(([tag, value]) => `${tag}=${value}`).join("; "),
    notes: {
      "no-rua": !rua.length,
      "weak-sub": weaker(sub, choice.p) || weaker(absent, choice.p),
      "fo-alone": choice.fo !== "0" && !ruf.length,
      jump: choice.p === "reject" && !["quarantine", "reject"].includes(start.published),
      testing,
      "testing-alone": choice.t && !testing,
      bad: bad.length > 0,
      external: outside.length > 0,
    },
    bad,
    outside,
  };
};

const strings = (value) => value.match(/.{1,255}/g).map((part) => `"${part.replace(/["\\]/g, "\\$&")}"`).join(" ");

const update = () => {
  const made = compose({
    p: field("p").value, sp: field("sp").value, np: field("np").value,
    adkim: field("adkim").value, aspf: field("aspf").value, fo: field("fo").value,
    rua: field("rua").value, ruf: field("ruf").value, t: field("t").checked,
  });
  $("dmarc-host").textContent = "_dmarc";
  $("dmarc-name").textContent = `_dmarc.${start.domain}.`;
  $("dmarc-value").textContent = made.value;
  $("dmarc-line").textContent = `_dmarc.${start.domain}. 3600 IN TXT ${strings(made.value)}`;
  $("dmarc-bad").textContent = made.bad.join(" ");
  $("dmarc-external").textContent = made.outside
    .map((host) => `${start.domain}._report._dmarc.${host}. 3600 IN TXT "v=DMARC1"`).join("\n");
  form.querySelectorAll("[data-note]").forEach((note) => {
    const hidden = !made.notes[note.dataset.note];
    if (note.hidden !== hidden) note.hidden = hidden;
  });
};

Object.entries(start.fields).forEach(([name, value]) => { field(name).value = value; });
field("t").checked = start.testing;
form.querySelectorAll("[data-published]").forEach((mark) => { mark.hidden = mark.dataset.published !== start.published; });
form.addEventListener("input", update);
form.addEventListener("submit", (event) => event.preventDefault());
form.hidden = false;
update();
})();
