"use strict";
// Shows what /events tells. Nothing is fetched from anywhere else, and nothing is written as markup.

const most_events = 300;
const most_durations = 60;
const most_named = 4;  // addresses of one VIP
const states = {
  active: ["●", "good"], backup: ["○", "calm"], promoting: ["◐", "warn"], fault: ["✕", "bad"], init: ["◌", "none"],
  up: ["▲", "good"], down: ["▼", "bad"], unknown: ["?", "none"],
  done: ["✓", "good"], failed: ["✕", "bad"], running: ["◐", "warn"],
};
const page = id => document.getElementById(id);

// --- small things --------------------------------------------------------------------------------

function set(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

function set_class(node, name) {
  if (node.className !== name) node.className = name;
}

function age(seconds) {
  const s = Math.max(0, Math.floor(seconds));
  if (s < 60) return `${s} s`;
  if (s < 3600) return `${Math.floor(s / 60)} min ${s % 60} s`;
  if (s < 86400) return `${Math.floor(s / 3600)} h ${Math.floor(s % 3600 / 60)} min`;
  return `${Math.floor(s / 86400)} d ${Math.floor(s % 86400 / 3600)} h`;
}

function since(text) {
  return age((now() - Date.parse(text)) / 1000);
}

function milliseconds(ms) {
  if (ms === null || ms === undefined) return "";
  return ms >= 1000 ? `${(ms / 1000).toFixed(1)} s` : `${ms.toFixed(ms < 10 ? 1 : 0)} ms`;
}

// --- time: the node's, not the reader's ----------------------------------------------------------

let clock_ahead = 0;
const now = () => Date.now() + clock_ahead;

// --- tables whose rows stay: only what differs is touched ----------------------------------------

class Table {
  constructor(id, columns) {
    this.body = page(id).tBodies[0];
    this.columns = columns;
    this.labels = [...page(id).tHead.rows[0].cells].map(cell => cell.textContent);
    this.rows = new Map();
    page(id).setAttribute("role", "table");
    for (const header of page(id).tHead.rows[0].cells) {
      header.scope = "col";
      header.setAttribute("role", "columnheader");
    }
    page(id).tHead.setAttribute("role", "rowgroup");
    this.body.setAttribute("role", "rowgroup");
  }

  make(key) {
    const row = document.createElement("tr");
    row.setAttribute("role", "row");
    row.dataset.key = key;
    this.columns.forEach((column, i) => {
      const cell = document.createElement("td");
      cell.setAttribute("role", "cell");
      cell.dataset.label = this.labels[i];
      cell.className = column.kind ?? "";
      row.append(cell);
    });
    return row;
  }

  // `items`: [key, item] in the order in which they are to stand.
  show(items) {
    const seen = new Set();
    let place = this.body.firstChild;
    for (const [key, item] of items) {
      seen.add(key);
      let row = this.rows.get(key);
      if (!row) {
        row = this.make(key);
        this.rows.set(key, row);
      }
      if (row === place) place = place.nextSibling;
      else this.body.insertBefore(row, place);
      this.columns.forEach((column, i) => column.fill(row.cells[i], item, row));
      this.hide(row);
    }
    for (const [key, row] of this.rows) {
      if (!seen.has(key)) {
        row.remove();
        this.rows.delete(key);
      }
    }
  }

  hide(row) {
    const hidden = words.length > 0 && !words.every(word => row.textContent.toLowerCase().includes(word));
    if (row.hidden !== hidden) row.hidden = hidden;
  }

  filter() {
    for (const row of this.rows.values()) this.hide(row);
  }

  shown() {
    let count = 0;
    for (const row of this.rows.values()) count += row.hidden ? 0 : 1;
    return count;
  }
}

const text = (get, kind) => ({kind, fill: (cell, item) => set(cell, String(get(item)))});

// A shape and a word: colour is the third way to say it.
function fill_state(cell, name) {
  const [shape, look] = states[name] ?? ["?", "none"];
  let label = cell.firstChild;
  if (!label) {
    label = document.createElement("span");
    const mark = document.createElement("span");
    mark.setAttribute("aria-hidden", "true");
    label.append(mark, document.createTextNode(""));
    cell.append(label);
  }
  set_class(label, `state ${look}`);
  set(label.firstChild, shape);
  if (label.lastChild.data !== ` ${name}`) label.lastChild.data = ` ${name}`;
}

function priority(vip) {
  const {base, effective} = vip.priority;
  return base === effective ? `${base}` : `${effective} / ${base}`;
}

function addresses(vip) {
  const held = vip.addresses.filter(address => address.held).length;
  const named = vip.addresses.slice(0, most_named).map(address => address.address).join(", ");
  const more = vip.addresses.length - most_named;
  return `${held}/${vip.addresses.length} held: ${named}${more > 0 ? ` and ${more} more` : ""}`;
}

function active_node(vip) {
  if (vip.state === "active") return `this node (${vip.active?.priority ?? ""})`;
  if (!vip.active) return "nobody is known";
  return `${names.get(vip.active.address) ?? vip.active.address} (${vip.active.priority})`;
}

// The last run of each hook, the newest one first.
function fill_hooks(cell, vip) {
  const hooks = [...vip.hooks ?? []].sort((a, b) => a.at < b.at ? 1 : -1);
  while (cell.childElementCount > hooks.length) cell.lastChild.remove();
  hooks.forEach((hook, i) => {
    let line = cell.children[i];
    if (!line) {
      line = document.createElement("div");
      line.append(document.createElement("span"), document.createElement("span"));
      cell.append(line);
    }
    fill_state(line.firstChild, hook.result);
    const ago = hook.result === "running" ? `for ${since(hook.at)}` : `${since(hook.at)} ago`;
    set(line.lastChild, ` ${hook.name} ${ago}${hook.detail ? `: ${hook.detail}` : ""}`);
  });
}

const names = new Map();  // of other nodes, by their address

const vips = new Table("vips", [
  text(vip => vip.name, "key"),
  {kind: "tight", fill: (cell, vip, row) => {
    if (row.dataset.state && row.dataset.state !== vip.state) {
      row.classList.remove("moved");
      void row.offsetWidth;  // so that the animation begins anew
      row.classList.add("moved");
    }
    row.dataset.state = vip.state;
    fill_state(cell, vip.state);
  }},
  text(vip => since(vip.since), "number"),
  text(active_node, "tight"),
  text(addresses, "wide"),
  text(priority, "number"),
  text(vip => vip.service ? `${vip.service}: ${vip.readiness}` : ""),
  {kind: "wide", fill: fill_hooks},
  text(vip => vip.reason, "wide"),
]);

// --- checks, and how long they took while somebody looked ----------------------------------------

const histories = new Map();

function remember(check) {
  let history = histories.get(check.name);
  if (!history) {
    history = {runs: -1, failures: check.failures, points: []};
    histories.set(check.name, history);
  }
  if (history.runs === check.runs || check.duration_ms === null || check.duration_ms === undefined) return null;
  history.points.push({ms: check.duration_ms, failed: check.failures > history.failures});
  if (history.points.length > most_durations) history.points.shift();
  history.runs = check.runs;
  history.failures = check.failures;
  return history.points;
}

function draw(cell, points) {
  let svg = cell.firstChild;
  if (!svg) {
    const space = "http://www.w3.org/2000/svg";
    svg = document.createElementNS(space, "svg");
    svg.setAttribute("viewBox", `0 0 ${most_durations} 18`);
    svg.setAttribute("preserveAspectRatio", "none");
    svg.setAttribute("role", "img");
    for (const name of ["", "fails"]) {
      const path = document.createElementNS(space, "path");
      path.setAttribute("class", name);
      svg.append(path);
    }
    cell.append(svg);
  }
  const most = Math.max(...points.map(point => point.ms), 0.001);
  const left = most_durations - points.length;
  let line = "";
  let fails = "";
  points.forEach((point, i) => {
    line += `${i === 0 ? "M" : "L"}${left + i} ${(17 - 15 * point.ms / most).toFixed(1)}`;
    if (point.failed) fails += `M${left + i} 14V18`;
  });
  svg.firstChild.setAttribute("d", points.length === 1 ? `${line}h1` : line);
  svg.lastChild.setAttribute("d", fails);
  svg.setAttribute("aria-label", `the last ${points.length} runs seen, at most ${milliseconds(most)}`);
}

const checks = new Table("checks", [
  text(check => check.name, "key"),
  text(check => check.type),
  {kind: "tight", fill: (cell, check) => fill_state(cell, check.state)},
  text(check => since(check.since), "number"),
  text(check => check.detail, "wide"),
  text(check => milliseconds(check.duration_ms), "number"),
  {kind: "", fill: (cell, check) => {
    const points = remember(check);
    if (points) draw(cell, points);
  }},
  text(check => check.runs, "number"),
  text(check => check.failures, "number"),
]);

// --- nodes: this one, those that are asked (--peer), and every other router that is heard ---------

let peers = [];
let last_status = null;

function counts_of(all) {
  const counts = new Map();
  for (const vip of all) counts.set(vip.state, (counts.get(vip.state) ?? 0) + 1);
  return Object.keys(states).filter(name => counts.has(name)).map(name => `${counts.get(name)} ${name}`).join(", ");
}

function nodes_of(status) {
  const holds = all => all.filter(vip => vip.state === "active").map(vip => vip.name);
  const shown = [{name: `${status.node} (this node)`, holds: holds(status.vips), counts: counts_of(status.vips),
    maintenance: status.maintenance, heard: "now"}];
  const known = new Set();
  for (const peer of peers) {
    const vips = peer.vips ?? [];
    const own = [...new Set(vips.map(vip => vip.address).filter(address => address))];
    own.forEach(address => known.add(address));
    own.forEach(address => names.set(address, peer.node));
    shown.push({key: peer.url, name: peer.node ?? peer.url, holds: holds(vips), counts: counts_of(vips), trouble: peer.trouble,
      maintenance: peer.maintenance, heard: peer.trouble ? "" : "now", addresses: own});
  }
  const others = new Map();
  const other = address => {
    if (!others.has(address)) others.set(address, {name: address, holds: [], counts: "heard on the wire only", heard: ""});
    return others.get(address);
  };
  for (const vip of status.vips) {
    for (const peer of vip.peers) {
      if (known.has(peer.address)) continue;
      const node = other(peer.address);
      if (!node.last || node.last < peer.heard) node.last = peer.heard;
    }
    const active = vip.active?.address;
    if (active && vip.state !== "active" && !known.has(active)) other(active).holds.push(vip.name);
  }
  for (const node of others.values()) node.heard = node.last ? `${since(node.last)} ago` : "";
  return [...shown, ...[...others.values()].sort((a, b) => a.name < b.name ? -1 : 1)].map(node => [node.key ?? node.name, node]);
}

function held(node) {
  if (node.trouble) return `cannot be asked: ${node.trouble}`;
  return (node.maintenance ? "in maintenance; " : "") + (node.holds.length === 0 ? "nothing" : node.holds.join(", "));
}

const nodes = new Table("nodes", [
  text(node => node.name + (node.addresses?.length ? ` (${node.addresses.join(", ")})` : ""), "key"),
  text(held, "wide"),
  text(node => node.counts, "tight"),
  text(node => node.heard, "number"),
]);

// --- what has happened ---------------------------------------------------------------------------

let happened = [];
const events = new Table("events", [
  text(event => event.at.replace("T", " ").replace("Z", ""), "number"),
  text(event => event.vip, "key"),
  {kind: "tight", fill: (cell, event) => {
    if (cell.firstChild) return;
    for (const name of [event.from, event.to]) {
      const part = document.createElement("span");
      fill_state(part, name);
      cell.append(part, name === event.from ? document.createTextNode(" → ") : "");
    }
  }},
  text(event => event.cause, "wide"),
]);

let pending = false;
function add_event(event) {
  const key = `${event.number} ${event.at}`;
  if (happened.some(([known]) => known === key)) return;
  happened.push([key, event]);
  happened.sort(([, a], [, b]) => a.at === b.at ? b.number - a.number : a.at < b.at ? 1 : -1);
  happened = happened.slice(0, most_events);
  if (live_since && now() - live_since > 2000) {
    const line = document.createElement("p");
    line.textContent = `${event.vip}: ${event.from} to ${event.to}: ${event.cause}`;
    page("told").append(line);
    while (page("told").childElementCount > 20) page("told").firstChild.remove();
  }
  if (!pending) {
    pending = true;
    setTimeout(() => {
      pending = false;
      events.show(happened);
      count();
    }, 0);
  }
}

// --- the filter ----------------------------------------------------------------------------------

let words = [];

function count() {
  const of = (id, table) => {
    const all = table.rows.size;
    const shown = table.shown();
    set(page(id), shown === all ? `${all}` : `${shown} of ${all}`);
  };
  of("vips-count", vips);
  of("checks-count", checks);
  of("events-count", events);
}

page("filter").addEventListener("input", event => {
  words = event.target.value.toLowerCase().split(/\s+/).filter(word => word);
  for (const table of [nodes, vips, checks, events]) table.filter();
  count();
});
document.addEventListener("keydown", event => {
  if (event.key === "/" && document.activeElement !== page("filter")) {
    event.preventDefault();
    page("filter").focus();
  }
});

// --- the whole -----------------------------------------------------------------------------------

let live_since = 0;   // the first status of this connection
let told_at = 0;      // the reader's clock, at the last status
let trouble = "waits for the first answer";

function show_status(status) {
  told_at = Date.now();
  live_since ||= now();
  trouble = "";
  set(page("node"), status.node);
  set(page("about"), `understudy ${status.version}, up ${age(status.uptime_s)}`);
  page("maintenance").hidden = !status.maintenance;
  set(page("maintenance"), status.maintenance_until
    ? `in maintenance, for ${age((Date.parse(status.maintenance_until) - now()) / 1000)} more` : "in maintenance");
  last_status = status;
  nodes.show(nodes_of(status));
  vips.show(status.vips.map(vip => [vip.name, vip]));
  checks.show(status.checks.map(check => [check.name, check]));
  count();
  const active = status.vips.filter(vip => vip.state === "active").length;
  const faults = status.vips.filter(vip => vip.state === "fault").length;
  document.title = `${faults ? "✕ " : ""}${status.node}: ${active} of ${status.vips.length} active` +
    (faults ? `, ${faults} in fault` : "");
  show_age();
}

function show_age() {
  const seconds = Math.floor((Date.now() - told_at) / 1000);
  const old = told_at > 0 && seconds >= 4;
  const data = told_at > 0 ? `; data is ${seconds} s old` : "";
  set(page("live"), trouble ? trouble + data : old ? `data is ${seconds} s old` : "live");
  set_class(page("live"), `badge ${trouble && told_at ? "bad" : old ? "warn" : trouble ? "none" : "good"}`);
  document.body.classList.toggle("stale", told_at > 0 && (old || trouble !== ""));
}

function listen() {
  const source = new EventSource("events");
  source.addEventListener("clock", event => { clock_ahead = Date.parse(event.data) - Date.now(); });
  source.addEventListener("status", event => show_status(JSON.parse(event.data)));
  source.addEventListener("state", event => add_event(JSON.parse(event.data)));
  source.addEventListener("peers", event => {
    peers = JSON.parse(event.data).peers;
    if (last_status) nodes.show(nodes_of(last_status));
  });
  source.addEventListener("down", event => {
    live_since = 0;
    trouble = JSON.parse(event.data).error;
    show_age();
  });
  source.addEventListener("error", () => {
    live_since = 0;
    trouble = "connection lost";
    show_age();
    // The browser comes back by itself, but not after an answer that was none.
    if (source.readyState === EventSource.CLOSED) setTimeout(listen, 2000);
  });
}

setInterval(show_age, 1000);
listen();
