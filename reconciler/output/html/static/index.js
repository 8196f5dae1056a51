// The list of all domains. The page holds at most PAGE rows at a time, so that thousands of domains stay fast. For
// printing it holds all rows.
(() => {
"use strict";
const PAGE = 100;
const STATUS = { p: "pass", w: "warn", f: "fail", s: "skip", e: "error" };
const SEVERITY = { "-": -1, s: 0, p: 1, w: 2, e: 3, f: 4 };
const TEXT = ["domain", "server", "product"];
const $ = (id) => document.getElementById(id);
const data = JSON.parse($("data").textContent);
const fill = (text, values) => text.replace(/\{(\w+)\}/g, (_, name) => values[name]);
const collator = new Intl.Collator("en");

const rows = data.rows.map(([path, domain, display, alias, server, product, worst, checks, mailboxes, disk, size]) => ({
  path, domain, display, alias, server, product, worst, checks, mailboxes, disk, size,
  text: [domain, display, alias || "", server, product].join("\n").toLowerCase(),
}));
const fresh = () => ({ q: "", check: "", status: new Set(), sort: "domain", down: false, page: 0 });
let state = fresh();
let all = false;

const letterOf = (row) => {
  const at = data.checks.findIndex(([id]) => id === state.check);
  return at < 0 ? row.worst : row.checks[at];
};

// The rows that match the search and the selected check. The status filters count these rows.
const searched = () => {
  const words = state.q.toLowerCase().split(/\s+/).filter(Boolean);
  return rows.filter((row) => words.every((word) => row.text.includes(word)) && letterOf(row) !== "-");
};

const order = (one, other) => {
  const sign = state.down ? -1 : 1;
  if (TEXT.includes(state.sort)) {
    return sign * collator.compare(one[state.sort], other[state.sort]) || collator.compare(one.domain, other.domain);
  }
  // The worst status and the largest number come first, unknown values last.
  const key = (row) => (state.sort === "status" ? SEVERITY[letterOf(row)] : row[state.sort] ?? -1);
  return sign * (key(other) - key(one)) || collator.compare(one.domain, other.domain);
};

const element = (name, className, ...children) => {
  const made = document.createElement(name);
  if (className) made.className = className;
  made.append(...children);
  return made;
};

const icon = (name) => {
  const space = "http://www.w3.org/2000/svg";
  const svg = document.createElementNS(space, "svg");
  svg.setAttribute("class", "icon");
  svg.setAttribute("aria-hidden", "true");
  const use = document.createElementNS(space, "use");
  use.setAttribute("href", `#i-${name}`);
  svg.append(use);
  return svg;
};

const cell = (name, ...children) => {
  const made = element("td", `c-${name}`, ...children);
  made.setAttribute("role", "cell");
  return made;
};

const drawn = (row) => {
  const link = element("a", "", element("bdi", "", row.display));
  link.href = row.path;
  const head = element("th", "c-domain", link);
  head.scope = "row";
  head.setAttribute("role", "rowheader");
  if (row.display !== row.domain) head.append(" ", element("small", "", row.domain));
  if (row.alias) head.append(" ", element("small", "", fill(data.texts.alias, { domain: row.alias })));
  const pills = element("ul", "pills");
  data.checks.forEach(([, name], at) => {
    const status = STATUS[row.checks[at]];
    if (!status) return;
    const word = element("span", "sr", ` ${data.status[status]}`);
    const pill = element("span", `pill s-${status}`, icon(status), name, word);
    pill.title = data.status[status];
    pills.append(element("li", "", pill));
  });
  const worst = STATUS[row.worst];
  const made = element(
    "tr", "", head,
    cell("status", element("span", `pill s-${worst}`, icon(worst), data.status[worst])),
    cell("checks", pills),
    cell("server", row.server),
    cell("product", row.product),
    cell("mailboxes", row.mailboxes ?? ""),
    cell("disk", row.size),
  );
  made.setAttribute("role", "row");
  return made;
};

const remember = () => {
  const params = new URLSearchParams();
  if (state.q) params.set("q", state.q);
  if (state.check) params.set("check", state.check);
  if (state.status.size) params.set("status", [...state.status].join(","));
  if (state.sort !== "domain") params.set("sort", state.sort);
  if (state.down) params.set("down", "1");
  if (state.page) params.set("page", state.page + 1);
  history.replaceState(null, "", String(params) ? `#${params}` : location.pathname + location.search);
};

const recall = () => {
  const params = new URLSearchParams(location.hash.slice(1));
  const known = (value, values) => (values.includes(value) ? value : "");
  state = fresh();
  state.q = params.get("q") || "";
  state.check = known(params.get("check"), data.checks.map(([id]) => id));
  state.status = new Set((params.get("status") || "").split(",").filter((s) => Object.values(STATUS).includes(s)));
  state.sort = known(params.get("sort"), [...$("sort").options].map((option) => option.value)) || "domain";
  state.down = params.get("down") === "1";
  state.page = Math.max(0, (parseInt(params.get("page"), 10) || 1) - 1);
};

const draw = () => {
  const among = searched();
  const counts = {};
  among.forEach((row) => { counts[STATUS[letterOf(row)]] = (counts[STATUS[letterOf(row)]] || 0) + 1; });
  const chosen = among.filter((row) => !state.status.size || state.status.has(STATUS[letterOf(row)])).sort(order);
  const pages = Math.max(1, Math.ceil(chosen.length / PAGE));
  state.page = Math.min(state.page, pages - 1);
  const from = all ? 0 : state.page * PAGE;
  const part = all ? chosen : chosen.slice(from, from + PAGE);
  $("domains").tBodies[0].replaceChildren(...part.map(drawn));
  $("domains").hidden = !part.length;
  const number = (count) => count.toLocaleString(document.documentElement.lang);
  $("shown").textContent = part.length
    ? fill(data.texts.shown, { from: number(from + 1), to: number(from + part.length), count: number(chosen.length) })
    : data.texts.none;
  $("pager").hidden = pages < 2;
  $("where").textContent = fill(data.texts.where, { page: state.page + 1, pages });
  $("previous").disabled = state.page === 0;
  $("next").disabled = state.page === pages - 1;
  $("q").value = state.q;
  $("check").value = state.check;
  $("sort").value = state.sort;
  document.querySelectorAll(".chip").forEach((chip) => {
    chip.setAttribute("aria-pressed", String(state.status.has(chip.dataset.status)));
    chip.querySelector("b").textContent = number(counts[chip.dataset.status] || 0);
  });
  document.querySelectorAll("th[data-sort]").forEach((head) => {
    const upward = TEXT.includes(state.sort) !== state.down;
    if (head.dataset.sort === state.sort) head.setAttribute("aria-sort", upward ? "ascending" : "descending");
    else head.removeAttribute("aria-sort");
  });
};

const change = (what) => {
  Object.assign(state, { page: 0 }, what);
  draw();
  remember();
};

const turn = (by) => {
  change({ page: state.page + by });
  $("main").focus({ preventScroll: true });
  $("tools").scrollIntoView();
};

data.checks.forEach(([id, name]) => $("check").append(new Option(name, id)));
for (const name of ["product", "mailboxes", "disk"]) {
  if (!rows.some((row) => row[name] !== null && row[name] !== "")) $("domains").classList.add(`no-${name}`);
}
$("q").addEventListener("input", () => change({ q: $("q").value }));
$("check").addEventListener("change", () => change({ check: $("check").value }));
$("sort").addEventListener("change", () => change({ sort: $("sort").value, down: false }));
$("reset").addEventListener("click", () => change(fresh()));
$("previous").addEventListener("click", () => turn(-1));
$("next").addEventListener("click", () => turn(1));
$("tools").addEventListener("submit", (event) => event.preventDefault());
document.querySelectorAll(".chip").forEach((chip) => chip.addEventListener("click", () => {
  const status = new Set(state.status);
  if (!status.delete(chip.dataset.status)) status.add(chip.dataset.status);
  change({ status });
}));
document.querySelectorAll("th[data-sort] button").forEach((button) => button.addEventListener("click", () => {
  const sort = button.parentElement.dataset.sort;
  change({ sort, down: sort === state.sort && !state.down });
}));
addEventListener("hashchange", () => { recall(); draw(); });
addEventListener("beforeprint", () => { all = true; draw(); document.querySelectorAll(".since details").forEach((d) => { d.open = true; }); });
addEventListener("afterprint", () => { all = false; draw(); });
$("tools").hidden = false;
recall();
draw();
})();
