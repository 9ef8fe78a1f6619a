// What the pages cannot do with HTML alone: one event stream, the dialog, the selection, menus and the drawer.
(() => {
  "use strict";
  const root = document.documentElement;
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  if (zone) document.cookie = `cebox_zone=${encodeURIComponent(zone)}; Path=/; SameSite=Lax; Max-Age=31536000`;
  const find = (selector, from = document) => from.querySelector(selector);
  const findAll = (selector, from = document) => [...from.querySelectorAll(selector)];

  // Live: an event names a topic; whatever shows that topic fetches itself again, at most four times a second.
  const due = new Map();
  const refresh = (element) => {
    if (due.has(element)) { due.set(element, true); return; }
    const turn = () => {
      due.set(element, false);
      if (element.isConnected) htmx.trigger(element, "live");
      setTimeout(() => { if (due.get(element)) turn(); else due.delete(element); }, Number(element.dataset.pace) || 250);
    };
    turn();
  };
  const refreshTopic = (topic) => {
    for (const element of findAll("[data-live]")) {
      if (topic === "*" || element.dataset.live.split(" ").includes(topic)) refresh(element);
    }
  };

  // The stream says how it is: live, reconnecting, or, after ten seconds without it, how old the page is.
  const sign = document.getElementById("stream");
  const STALE_AFTER = 10_000;
  let isFirst = true, source, silence, stale, again, lastHeard = Date.now();
  const show = (state) => {
    if (!sign || sign.dataset.state === state) return;
    sign.dataset.state = state;
    const time = new Date(lastHeard).toLocaleTimeString(root.lang, { hour: "2-digit", minute: "2-digit" });
    find("[data-heard]", sign).textContent = time;
    for (const part of findAll("[data-when]", sign)) part.hidden = part.dataset.when !== state;
  };
  // The server writes every 15 s; three missed words mean the connection is dead though nobody said so.
  const heard = () => {
    lastHeard = Date.now();
    for (const timer of [silence, stale]) clearTimeout(timer);
    stale = undefined;
    silence = setTimeout(lost, 50_000);
    show("live");
  };
  const falter = () => {
    if (sign && sign.dataset.state !== "stale") show("lost");
    if (stale === undefined) stale = setTimeout(() => show("stale"), STALE_AFTER);
  };
  function lost() {
    source.close();
    for (const timer of [silence, again]) clearTimeout(timer);
    falter();
    again = setTimeout(listen, 2000);
  }
  function listen() {
    source = new EventSource(root.dataset.events);
    source.onopen = () => { heard(); if (!isFirst) refreshTopic("*"); isFirst = false; };
    source.addEventListener("beat", heard);
    source.addEventListener("changed", (event) => { heard(); event.data.split(" ").forEach(refreshTopic); });
    source.onerror = () => { if (source.readyState === EventSource.CLOSED) lost(); else falter(); };
  }
  if (root.dataset.events) listen();
  window.addEventListener("pagehide", () => { if (source) source.close(); });
  window.addEventListener("pageshow", (event) => { if (event.persisted && source) { isFirst = false; listen(); } });

  // A refresh leaves an open menu open, and what is being typed or chosen as it is.
  Idiomorph.defaults.callbacks.beforeAttributeUpdated = (name, node) => {
    if (name === "open") return node.localName !== "details";
    if (name === "value") return node !== document.activeElement;
    return name !== "selected" || node.closest("select") !== document.activeElement;
  };

  // What a script has drawn is its own: a refresh brings it new data, not a new element.
  Idiomorph.defaults.callbacks.beforeNodeMorphed = (node) => !(node.matches && node.matches("[data-kept]"));

  // Dialog: filled by htmx, shown by the browser (which traps focus, closes on Escape and gives focus back).
  const dialog = document.getElementById("dialog");
  const open = () => {
    if (!dialog.open) dialog.showModal();
    const wish = find("[data-focus]", dialog);
    if (wish && !dialog.contains(document.activeElement)) wish.focus();
  };
  const closeDialog = () => { if (dialog && dialog.open) dialog.close(); };
  if (dialog) dialog.addEventListener("close", () => dialog.replaceChildren());
  document.addEventListener("htmx:afterSwap", (event) => { if (event.detail.target === dialog) open(); });

  // What the reader asked for and is slow: a line on top; an empty dialog, at the size of its content, after 300 ms.
  const isAsked = (event) => !(event.detail.requestConfig && event.detail.requestConfig.triggeringEvent
    && event.detail.requestConfig.triggeringEvent.type === "live");
  let asked = 0, opening;
  document.addEventListener("htmx:beforeRequest", (event) => {
    if (!isAsked(event)) return;
    asked += 1;
    root.classList.add("working");
    if (event.detail.target === dialog && !dialog.open) {
      opening = setTimeout(() => { dialog.replaceChildren(document.getElementById("loading").content.cloneNode(true)); open(); }, 300);
    }
  });
  document.addEventListener("htmx:afterRequest", (event) => {
    if (!isAsked(event)) return;
    asked = Math.max(0, asked - 1);
    if (!asked) root.classList.remove("working");
    clearTimeout(opening);
  });

  const say = (pattern, prepare) => {
    const note = document.getElementById(pattern).content.firstElementChild.cloneNode(true);
    prepare(note);
    document.getElementById("toasts").append(note);
    return note;
  };
  // A request that failed is said, and can be made again; one that the stream asked for comes again by itself.
  const trouble = (event) => {
    if (!isAsked(event)) return;
    if (dialog.open && find("[aria-busy]", dialog)) closeDialog();
    findAll("#toasts [data-retry]").forEach((one) => one.closest(".box").remove());
    const element = event.detail.elt;
    const note = say("trouble", (one) => {
      find("[data-retry]", one).addEventListener("click", () => {
        note.remove();
        const triggers = element.getAttribute("hx-trigger") || "submit";
        const again = triggers.includes("submit") ? "submit" : "change";
        if (element.isConnected) htmx.trigger(element, element.localName === "form" ? again : "click");
      });
    });
  };
  for (const name of ["htmx:sendError", "htmx:timeout"]) document.addEventListener(name, trouble);
  document.addEventListener("htmx:responseError", (event) => { if (event.detail.xhr.status >= 500) trouble(event); });
  document.addEventListener("done", (event) => {
    closeDialog();
    refreshTopic("*");
    const note = say("toast", (one) => { find("p", one).textContent = event.detail.message; });
    setTimeout(() => note.remove(), 8000);
  });

  document.addEventListener("click", async (event) => {
    const button = event.target.closest("[data-copy]");
    if (!button || !navigator.clipboard) return;
    await navigator.clipboard.writeText(document.getElementById(button.dataset.copy).textContent.trim());
    find("span", button).textContent = button.dataset.copied;
  });

  document.addEventListener("click", (event) => {
    const part = event.target.closest("[data-close], [data-drawer], [data-clear], [data-again], [data-select-all], [data-select-page], [data-print], .menu .item");
    for (const menu of findAll(".menu[open]")) {
      const isChosen = part && part.matches(".item") && !part.hasAttribute("data-keep");
      if (!menu.contains(event.target) || isChosen) menu.open = false;
    }
    if (!part) return;
    if (part.hasAttribute("data-close")) { event.preventDefault(); closeDialog(); }
    if (part.hasAttribute("data-print")) window.print();
    if (part.hasAttribute("data-again")) { clearTimeout(again); source.close(); listen(); }
    if (part.hasAttribute("data-drawer")) {
      const side = document.getElementById("menu");
      const isOpen = side.classList.toggle("open");
      find(".top [data-drawer]").setAttribute("aria-expanded", String(isOpen));
      if (isOpen) find("a, button, select", side).focus();
    }
    if (part.hasAttribute("data-clear")) clear();
    if (part.hasAttribute("data-select-all")) chooseAll();
    if (part.hasAttribute("data-select-page")) { const here = picks().map((box) => box.value); clear(); here.forEach((id) => chosen.add(id)); mark(); }
  });

  // Keyboard: / searches, Escape closes, arrows walk through an open menu.
  document.addEventListener("keydown", (event) => {
    const isTyping = event.target.closest && event.target.closest("input, textarea, select, [contenteditable]");
    const menu = find(".menu[open]");
    if (event.key === "/" && !isTyping && !event.ctrlKey && !event.metaKey && !event.altKey) {
      const place = findAll("#search, #find").find((one) => one.checkVisibility());
      if (place && !dialog.open) { event.preventDefault(); place.focus(); place.select(); }
    }
    if (menu && menu.contains(event.target) && ["ArrowDown", "ArrowUp"].includes(event.key)) {
      const items = findAll(".item:not(p)", menu);
      const at = items.indexOf(document.activeElement) + (event.key === "ArrowDown" ? 1 : -1);
      event.preventDefault();
      items.at(at < 0 ? -1 : at % items.length).focus();
    }
    if (event.key !== "Escape") return;
    if (menu) { menu.open = false; find("summary", menu).focus(); }
    const side = find(".side.open");
    if (side) { side.classList.remove("open"); const opener = find(".top [data-drawer]"); opener.setAttribute("aria-expanded", "false"); opener.focus(); }
  });

  // Selection: single devices kept through refreshes and over pages, or all that the list's filters find but those
  // unticked; then the filters travel, not the devices, and the server says how many they are.
  const chosen = new Set();
  let all = null;
  let last = null;
  const picks = () => findAll(".pick");
  const list = () => document.getElementById("device-list");
  const bar = () => document.getElementById("selection");
  const isChosen = (id) => (all ? !all.but.has(id) : chosen.has(id));
  const number = (value) => value.toLocaleString(root.lang);
  const mark = () => {
    if (!bar()) return;
    const boxes = picks();
    for (const box of boxes) box.checked = isChosen(box.value);
    const total = Number(list().dataset.total);
    const many = all ? Math.max(0, total - all.but.size) : chosen.size;
    const isPage = boxes.length > 0 && boxes.every((box) => box.checked);
    const { one, many: words, all: offer } = bar().dataset;
    bar().hidden = many === 0;
    find("[data-count]", bar()).textContent = many === 1 ? one : words.replace("#", number(many));
    find("[data-whole]", bar()).hidden = !(all && all.but.size === 0);
    const wider = find("[data-select-all]", bar());
    wider.hidden = Boolean(all) || !isPage || total <= boxes.length;
    wider.textContent = offer.replace("#", number(total));
    find("[data-select-page]", bar()).hidden = !all;
    const head = document.getElementById("pick-all");
    if (head) { head.checked = isPage; head.indeterminate = !isPage && boxes.some((box) => box.checked); }
  };
  const choose = (box, isOn) => {
    if (all) { if (isOn) all.but.delete(box.value); else all.but.add(box.value); }
    else if (isOn) chosen.add(box.value); else chosen.delete(box.value);
  };
  function clear() { chosen.clear(); all = null; mark(); }
  function chooseAll() { all = { where: list().dataset.where, but: new Set() }; chosen.clear(); mark(); }
  document.addEventListener("click", (event) => {
    if (!event.target.matches(".pick")) return;
    const boxes = picks();
    // With Shift, all rows from the last one clicked to this one.
    if (event.shiftKey && boxes.includes(last)) {
      const [from, to] = [boxes.indexOf(last), boxes.indexOf(event.target)].sort((a, b) => a - b);
      for (const box of boxes.slice(from, to + 1)) choose(box, event.target.checked);
    }
    last = event.target;
  });
  document.addEventListener("change", (event) => {
    if (event.target.id === "pick-all") for (const box of picks()) choose(box, event.target.checked);
    if (event.target.matches(".pick")) choose(event.target, event.target.checked);
    if (event.target.matches(".pick, #pick-all")) mark();
    if (event.target.matches("[data-submit]")) event.target.form.requestSubmit();
  });
  document.addEventListener("htmx:configRequest", (event) => {
    if (!bar() || !bar().contains(event.detail.elt)) return;
    const form = event.detail.formData;
    if (all) { form.append("where", all.where); for (const id of all.but) form.append("but", id); }
    else for (const id of chosen) form.append("device", id);
  });
  document.addEventListener("htmx:afterSettle", () => {
    if (all && list() && list().dataset.where !== all.where) all = null;
    mark();
  });
  document.addEventListener("done", (event) => { if (event.detail.clears) clear(); });
  mark();
})();
