/* The console's driver: keyboard, palette, selection, toast, theme, and how htmx behaves here.
   Every page works without it; it only makes the desk faster. What it reads from the markup is
   listed in docs/reference/console-markup.md. */
"use strict";

(() => {
  const $ = (selector, from = document) => from.querySelector(selector);
  const $$ = (selector, from = document) => [...from.querySelectorAll(selector)];
  const root = document.documentElement;
  const isShown = (element) => element.getClientRects().length > 0;

  // ---- words: live region and toast --------------------------------------------------------

  const TOAST_MS = 8000;
  let toastTimer = 0;

  const say = (text) => {
    const live = $("#live");
    if (live) live.textContent = text;
  };

  const armToast = () => {
    clearTimeout(toastTimer);
    const toast = $("#toast");
    if (!toast?.firstElementChild) return;
    toastTimer = setTimeout(() => {
      if (toast.matches(":hover, :focus-within")) armToast();
      else toast.replaceChildren();
    }, TOAST_MS);
  };

  const showToast = (text) => {
    const box = document.createElement("div");
    box.className = "toast";
    box.textContent = text;
    $("#toast")?.replaceChildren(box);
    armToast();
  };

  // ---- rows and selection ------------------------------------------------------------------

  const rows = () => $$("[data-rows] > tr[id]");
  const rowOf = (element) => element?.closest?.("[data-rows] > tr[id]") ?? null;
  const tick = (row) => $("input.tick[type=checkbox]", row);
  const focused = () => rows().indexOf(rowOf(document.activeElement));
  let anchor = -1;

  const moveTo = (index) => {
    const all = rows();
    if (!all.length) return;
    const row = all[Math.max(0, Math.min(all.length - 1, index))];
    $("a[href]", row)?.focus();
    row.scrollIntoView({ block: "nearest" });
  };

  const money = (sum, currency) =>
    new Intl.NumberFormat(root.lang || "en", {
      style: "currency", currency, maximumFractionDigits: 0,
    }).format(sum).replace("-", "\u2212");

  /** The words of the bulk bar: how many rows, how much money, how many without a figure. */
  const selectionWords = (chosen) => {
    const words = [`${chosen.length} selected`];
    const currency = $("[data-rows]")?.dataset.currency;
    const known = chosen.filter((row) => row.dataset.money);
    if (currency && known.length) {
      const sum = known.reduce((total, row) => total + Number(row.dataset.money), 0);
      words.push(`${money(sum, currency)} at stake`);
      if (known.length < chosen.length) words.push(`${chosen.length - known.length} without a figure`);
    }
    return words.join(" \u00b7 ");
  };

  const tally = (aloud = true) => {
    const all = rows();
    const chosen = all.filter((row) => tick(row)?.checked);
    const words = selectionWords(chosen);
    const counter = $("#bulk-count");
    if (counter) counter.textContent = words;
    const everything = $("[data-select-page]");
    if (everything) {
      everything.checked = all.length > 0 && chosen.length === all.length;
      everything.indeterminate = chosen.length > 0 && !everything.checked;
    }
    if (aloud) say(chosen.length ? words : "Nothing selected");
  };

  const setTicks = (some, on) => {
    some.forEach((row) => {
      const box = tick(row);
      if (box) box.checked = on ?? !box.checked;
    });
    tally();
  };

  // ---- dialogs and deeds -------------------------------------------------------------------

  const openDialog = (id) => {
    const dialog = document.getElementById(id);
    if (dialog?.showModal && !dialog.open) dialog.showModal();
    return dialog;
  };

  /** Do what the control says; a bulk control first takes the row in focus when none is chosen. */
  const perform = (control) => {
    if (control.closest(".bulk") && !rows().some((row) => tick(row)?.checked)) {
      const row = rowOf(document.activeElement);
      if (!row) return say("Select a row first");
      setTicks([row], true);
    }
    if (control.matches("input[type=text], input[type=search], textarea, select")) control.focus();
    else control.click();
    if (control.dataset.then) $(control.dataset.then)?.focus();
    return undefined;
  };

  const controlFor = (key) =>
    $$(`[data-key="${CSS.escape(key)}"]`).find(
      (control) => !control.disabled && (isShown(control) || control.closest(".bulk")),
    );

  const place = (icon) => $(`.rail [data-nav="${icon}"] a`);
  const nextView = (by) => {
    const views = $$(".views a");
    const at = views.findIndex((view) => view.hasAttribute("aria-current"));
    views[at + by]?.click();
  };

  // ---- theme -------------------------------------------------------------------------------

  const THEMES = ["system", "light", "dark"];

  /** Switch at once; the form that was pressed keeps the choice on the server. */
  const wear = (name, value) => {
    root.dataset[name] = value;
    $$(`[data-appearance] [name="${name}"]`).forEach((button) =>
      button.setAttribute("aria-pressed", String(button.value === value)));
    say(`${name[0].toUpperCase()}${name.slice(1)}: ${value}`);
  };

  const nextTheme = () => {
    const at = THEMES.indexOf(root.dataset.theme);
    $(`[data-appearance] [name=theme][value=${THEMES[(at + 1) % THEMES.length]}]`)?.click();
  };

  // ---- keyboard: one table for keys, sheet and palette -------------------------------------

  const KEYS = [
    { group: "Move", keys: "j", words: "Next row", run: (n) => moveTo(focused() + n) },
    { group: "Move", keys: "k", words: "Previous row", run: (n) => moveTo(Math.max(0, focused()) - n) },
    { group: "Move", keys: "g g", words: "First row", run: () => moveTo(0) },
    { group: "Move", keys: "G", words: "Last row", run: () => moveTo(Infinity) },
    { group: "Move", keys: "]", words: "Next view", run: () => nextView(1) },
    { group: "Move", keys: "[", words: "Previous view", run: () => nextView(-1) },
    { group: "Move", keys: "Enter", words: "Open the row" },
    { group: "Select", keys: "x", words: "Select the row", run: () => {
      anchor = focused();
      if (anchor >= 0) setTicks([rows()[anchor]]);
    } },
    { group: "Select", keys: "X", words: "Select up to here", run: () => {
      const here = focused();
      if (here < 0) return;
      const [from, to] = [anchor < 0 ? here : anchor, here].sort((a, b) => a - b);
      setTicks(rows().slice(from, to + 1), true);
    } },
    { group: "Select", keys: "* p", words: "All on the page", run: () => setTicks(rows(), true) },
    { group: "Select", keys: "Escape", words: "Clear the selection", run: () => {
      if (rows().some((row) => tick(row)?.checked)) setTicks(rows(), false);
    } },
    { group: "Go", keys: "g e", words: "Exceptions", run: () => place("queue")?.click() },
    { group: "Go", keys: "g a", words: "Approvals", run: () => place("approve")?.click() },
    { group: "Go", keys: "g i", words: "Items", run: () => place("item")?.click() },
    { group: "Go", keys: "g k", words: "KPIs", run: () => place("kpi")?.click(), needs: "kpi" },
    { group: "Go", keys: "/", words: "Filter this page", run: () => $("[data-find]")?.focus() },
    { group: "Do", keys: "Ctrl k", words: "Command palette", run: () => openPalette() },
    { group: "Do", keys: "?", words: "This sheet", run: () => openKeys() },
  ];
  const LEADS = new Set(KEYS.map(({ keys }) => keys.split(" ")).filter((k) => k.length > 1).map(([k]) => k));
  const TYPING = "input:not(.tick), textarea, select, [contenteditable], dialog";
  const SWITCH = "console.single-keys";
  let count = "";
  let lead = "";

  const singleKeysOn = () => localStorage.getItem(SWITCH) !== "off";

  const pressed = (event) => {
    const keys = lead ? `${lead} ${event.key}` : event.key;
    const times = Number(count) || 1;
    if (!lead && LEADS.has(event.key)) {
      lead = event.key;
      return true;
    }
    lead = "";
    const control = controlFor(keys);
    if (/^[0-9]$/.test(keys) && (count || !control)) {
      count += keys;
      return true;
    }
    count = "";
    const known = KEYS.find((entry) => entry.keys === keys && entry.run);
    if (control) perform(control);
    else known?.run(times);
    return Boolean(control || known);
  };

  const isPageEscape = (event) => event.key === "Escape" && $("[popover]:popover-open");

  document.addEventListener("keydown", (event) => {
    if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "k") {
      event.preventDefault();
      return openPalette();
    }
    if ((event.ctrlKey || event.metaKey) && event.key === "Enter") {
      const form = event.target.closest?.("form");
      if (form) {
        event.preventDefault();
        form.requestSubmit();
      }
      return undefined;
    }
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return undefined;
    if (["Shift", "CapsLock"].includes(event.key)) return undefined;
    if (event.target.closest?.(TYPING) || isPageEscape(event) || !singleKeysOn()) return undefined;
    if (pressed(event)) event.preventDefault();
    return undefined;
  });

  const keyCaps = (keys) => {
    const held = document.createDocumentFragment();
    keys.split(" ").forEach((key) => {
      const cap = document.createElement("kbd");
      cap.textContent = /^[A-Z]$/.test(key) ? `Shift ${key}` : key;
      held.append(cap, " ");
    });
    return held;
  };

  const wordsOf = (control) => {
    const copy = control.cloneNode(true);
    $$("kbd, svg, .sr", copy).forEach((part) => part.remove());
    return control.dataset.label || copy.textContent.trim() || control.getAttribute("aria-label") || "";
  };

  /** What can be done on this page right now: every control that names a key. */
  const deeds = () => {
    const seen = new Set();
    return $$("[data-key]").filter((control) => {
      if (control.disabled || seen.has(control.dataset.key)) return false;
      if (!isShown(control) && !control.closest(".bulk")) return false;
      return seen.add(control.dataset.key);
    });
  };

  const openKeys = () => {
    const dialog = openDialog("keys");
    const sheet = dialog && $(".keys", dialog);
    if (!sheet) return;
    const lines = [
      ...KEYS.filter(({ needs }) => !needs || place(needs)),
      ...deeds().map((control) => ({ group: "On this page", keys: control.dataset.key, words: wordsOf(control) })),
    ];
    sheet.replaceChildren(...[...new Set(lines.map(({ group }) => group))].map((group) => {
      const section = document.createElement("section");
      section.append(Object.assign(document.createElement("h3"), { textContent: group }));
      const list = document.createElement("dl");
      lines.filter((line) => line.group === group).forEach(({ keys, words }) => {
        const term = Object.assign(document.createElement("dt"), { textContent: words });
        const caps = document.createElement("dd");
        caps.append(keyCaps(keys));
        list.append(term, caps);
      });
      section.append(list);
      return section;
    }));
    $("[data-single-keys]", dialog).checked = singleKeysOn();
  };

  // ---- palette: acts on the selection, then goes, then does --------------------------------

  let offers = [];
  let chosen = 0;

  const searchOffer = (icon, noun, text) => {
    const link = place(icon);
    if (!link || !text) return [];
    const url = new URL(link.href);
    url.searchParams.set("q", text);
    return [{ group: "Search", words: `${noun} matching \u201c${text}\u201d`, run: () => location.assign(url) }];
  };

  const offersFor = (text) => {
    const wanted = text.trim().toLowerCase();
    const fits = ({ words }) => words.toLowerCase().includes(wanted);
    return [
      ...deeds().map((control) => ({
        group: "On this page", words: wordsOf(control), keys: control.dataset.key, run: () => perform(control),
      })).filter(fits),
      ...$$(".rail [data-nav] a").map((link) => ({
        group: "Go to", words: $(".name", link)?.textContent ?? "", run: () => link.click(),
      })).filter(fits),
      ...searchOffer("queue", "Exceptions", text.trim()),
      ...searchOffer("item", "Items", text.trim()),
      ...[
        { group: "Do", words: "Theme: next", run: nextTheme },
        { group: "Do", words: "Keyboard help", keys: "?", run: openKeys },
      ].filter(fits),
    ];
  };

  const choose = (index) => {
    const options = $$("#palette [role=option]");
    if (!options.length) return;
    chosen = (index + options.length) % options.length;
    options.forEach((option, at) => option.setAttribute("aria-selected", String(at === chosen)));
    $("#palette [role=combobox]").setAttribute("aria-activedescendant", options[chosen].id);
    options[chosen].scrollIntoView({ block: "nearest" });
  };

  const drawOffers = () => {
    offers = offersFor($("#palette [role=combobox]").value);
    const list = $("#palette-list");
    list.replaceChildren();
    offers.forEach((offer, at) => {
      if (offer.group !== offers[at - 1]?.group) {
        list.append(Object.assign(document.createElement("div"), { className: "gh", textContent: offer.group, role: "presentation" }));
      }
      const option = Object.assign(document.createElement("div"), { id: `palette-${at}`, role: "option" });
      option.append(offer.words);
      if (offer.keys) {
        const push = Object.assign(document.createElement("span"), { className: "push" });
        push.append(keyCaps(offer.keys));
        option.append(push);
      }
      option.addEventListener("click", () => take(at));
      list.append(option);
    });
    if (offers.length) choose(0);
    else list.append(Object.assign(document.createElement("p"), { className: "gh", textContent: "Nothing matches" }));
  };

  const take = (index) => {
    const offer = offers[index];
    $("#palette")?.close();
    offer?.run(1);
  };

  const openPalette = () => {
    if (!openDialog("palette")) return;
    const box = $("#palette [role=combobox]");
    box.value = "";
    drawOffers();
    box.focus();
  };

  $("#palette")?.addEventListener("input", drawOffers);
  $("#palette")?.addEventListener("keydown", (event) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step) choose(chosen + step);
    else if (event.key === "Enter") take(chosen);
    else return;
    event.preventDefault();
  });

  // ---- pointer -----------------------------------------------------------------------------

  document.addEventListener("click", (event) => {
    const control = event.target.closest("[data-open], [data-close], [data-theme-next], [data-back], [data-palette], [data-help], [data-clear]");
    if (!control) return;
    const { dataset } = control;
    if (dataset.open) openDialog(dataset.open);
    if ("close" in dataset) control.closest("dialog")?.close();
    if ("themeNext" in dataset) nextTheme();
    if ("back" in dataset) history.back();
    if ("palette" in dataset) openPalette();
    if ("help" in dataset) openKeys();
    if ("clear" in dataset) setTicks(rows(), false);
  });

  document.addEventListener("change", (event) => {
    if (event.target.matches("[data-select-page]")) setTicks(rows(), event.target.checked);
    else if (rowOf(event.target)) tally();
    if (event.target.matches("[data-single-keys]")) {
      localStorage.setItem(SWITCH, event.target.checked ? "on" : "off");
    }
  });

  document.addEventListener("submit", (event) => {
    if (event.target.matches("[data-appearance]") && event.submitter?.name) {
      wear(event.submitter.name, event.submitter.value);
    }
  }, true);

  $$("[data-back]").forEach((button) => { button.hidden = history.length < 2; });
  $$(".scroll").filter((box) => $(".chart", box)).forEach((box) => {
    box.scrollLeft = (box.scrollWidth - box.clientWidth) * 0.75;   // a forecast starts at today
  });
  armToast();
  tally(false);

  // ---- htmx --------------------------------------------------------------------------------

  if (!window.htmx) return;

  Object.assign(window.htmx.config, {
    allowEval: false,
    includeIndicatorStyles: false,
    selfRequestsOnly: true,
    historyRestoreAsHxRequest: false,
    scrollIntoViewOnBoost: false,
    attributesToSettle: ["class", "width", "height"],           // never style: the CSP forbids it
    responseHandling: [
      { code: "204", swap: false },
      { code: "304", swap: false },
      { code: "[23]..", swap: true },
      { code: "409", swap: true, error: false },
      { code: "422", swap: true, error: false },
      { code: "...", swap: false, error: true },
    ],
  });

  const tags = new Map();                                       // address -> ETag of what is shown
  const isPoll = (element) => element?.hasAttribute?.("data-poll");
  const stamp = (isStale) => {
    const live = $("#live-stamp");
    if (live) live.classList.toggle("stale", isStale);
  };

  document.addEventListener("htmx:configRequest", ({ detail }) => {
    const token = $("meta[name=csrf-token]")?.content;
    if (detail.verb !== "get" && token) detail.headers["X-CSRFToken"] = token;
    if (isPoll(detail.elt) && tags.has(detail.path)) detail.headers["If-None-Match"] = tags.get(detail.path);
  });

  document.addEventListener("htmx:beforeRequest", (event) => {
    if (isPoll(event.detail.elt) && document.hidden) event.preventDefault();
  });

  /* A refusal inside a dialog answers the dialog's form: what was typed stays, the dialog too. */
  document.addEventListener("htmx:beforeSwap", ({ detail }) => {
    const form = detail.requestConfig.elt.closest?.("dialog form");
    if (form && detail.xhr.status === 422) {
      detail.target = form;
      detail.swapOverride = "outerHTML";
    }
  });

  /* Filters are never replaced under the hands of somebody who types in them. */
  document.addEventListener("htmx:oobBeforeSwap", (event) => {
    const busy = document.activeElement?.matches?.("input:not(.tick), textarea, select") && document.activeElement;
    if (event.detail.target?.id === "filters" && event.detail.target.contains(busy || null)) event.preventDefault();
  });

  let heldRow = null;
  document.addEventListener("htmx:beforeSwap", () => {
    const row = rowOf(document.activeElement);
    heldRow = row && { id: row.id, index: rows().indexOf(row) };
  });

  document.addEventListener("htmx:afterSettle", () => {
    if (heldRow && document.activeElement === document.body) {
      const index = rows().findIndex((row) => row.id === heldRow.id);
      moveTo(index < 0 ? heldRow.index : index);
    }
    heldRow = null;
    tally(false);
    armToast();
  });

  document.addEventListener("htmx:afterRequest", ({ detail }) => {
    const etag = detail.xhr.getResponseHeader("ETag");
    if (isPoll(detail.elt)) {
      if (etag && detail.xhr.status === 200) tags.set(detail.requestConfig.path, etag);
      stamp(!(detail.xhr.status >= 200 && detail.xhr.status < 400));
    }
    const { status } = detail.xhr;
    const isSettled = (status >= 200 && status < 400) || status === 409;
    if (isSettled && detail.requestConfig.verb !== "get") detail.elt.closest?.("dialog")?.close();
  });

  document.addEventListener("htmx:responseError", ({ detail }) => {
    if (isPoll(detail.elt)) return;
    showToast({
      401: "Your session has ended. Sign in again in another tab, then repeat this.",
      403: "You may not do this. Nothing was changed.",
      404: "This is not here any more. Nothing was changed.",
      413: "This is too large to send. Nothing was changed.",
      429: "Too many requests. Nothing was changed; wait a minute.",
      503: "Under maintenance. Nothing was changed; try again in a few minutes.",
    }[detail.xhr.status] ?? `The server could not do this (${detail.xhr.status}). Reload to see what is true now.`);
  });

  document.addEventListener("htmx:sendError", ({ detail }) => {
    if (isPoll(detail.elt)) stamp(true);
    else showToast("No connection. Check the page again before you repeat this.");
  });
})();
