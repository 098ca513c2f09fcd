// One record at a time, its label under one key. The next records are here already, so that a key shows the
// next one at once; what was answered waits in the queue until the server has it.
export default function (component) {
  const { data, parentElement, setStateValue, setTriggerValue } = component;
  const root = parentElement.querySelector(".card");
  const steps = stepQueue(root, data.taken, setStateValue);
  root.typed ??= []; // keys struck while the record they are for is on its way
  root.at ??= -1;
  root.likely ??= new Map(); // what 1 to 9 mean for a record stays as it was first shown

  const make = (tag, className, ...children) => {
    const element = document.createElement(tag);
    element.className = className;
    element.append(...children); // strings become text, never HTML
    return element;
  };
  const chip = (name, color) => {
    const element = make("span", "chip", name);
    element.style.borderColor = color;
    element.style.background = color + "26";
    return element;
  };
  const button = (className, name, key, onclick) => {
    const element = make("button", className, make("span", "", name));
    element.type = "button";
    if (key) element.append(make("kbd", "", key.toUpperCase()));
    element.onclick = () => {
      element.blur(); // so that Enter does not press it again
      onclick();
    };
    return element;
  };
  const number = (n) => n.toLocaleString("en-US");
  const percent = (share) => `${Math.round(share * 100)} %`;

  // The boxes to type into stay the same elements from one drawing to the next: what is in them, and the
  // place of the cursor, must not be lost when the server answers.
  if (!root.parts) {
    const box = make("input", "write");
    const find = make("input", "find");
    for (const input of [box, find]) {
      input.type = "text";
      input.autocomplete = "off";
      input.spellcheck = false;
      // The page itself has keys: R, C and those of the card must not hear what is typed here.
      for (const kind of ["keydown", "keyup", "keypress"]) {
        input.addEventListener(kind, (event) => event.stopPropagation());
      }
      input.addEventListener("keydown", (event) => root.on[input.className](event));
    }
    find.addEventListener("input", () => {
      root.at = find.value.trim() ? 0 : -1;
      root.on.found();
    });
    const parts = { top: "top", note: "note", say: "say", labels: "keys labels", many: "many", ways: "keys ways", dots: "dots" };
    root.parts = { box, find };
    for (const [name, className] of Object.entries(parts)) root.parts[name] = make("div", className);
    root.parts.found = make("div", "found");
    root.parts.help = make("div", "help");
    const { top, note, labels, many, found, ways, dots, help, say } = root.parts;
    note.append(make("label", "quiet"), box);
    many.append(find, found);
    root.append(top, note, say, labels, many, ways, dots, help);
    note.hidden = help.hidden = true;
  }
  const parts = root.parts;

  // Labels with the keys that were given to them here, before the server has answered.
  const labels = data.labels.map((one) => ({ ...one }));
  for (const step of steps.pending) {
    const one = step.kind === "hotkey" && labels.find((label) => label.id === step.label);
    if (!one) continue;
    const other = labels.find((label) => label.key === step.text);
    if (other) other.key = one.key;
    one.key = step.text;
  }
  const none = labels.find((one) => one.id === data.none_id);
  const named = labels.filter((one) => one !== none);

  // Back, undo and dots lead to a record only the server knows; labels and skips to one that is here.
  const onward = (step) => step.kind === "label" || step.kind === "skip";
  const waiting = () => steps.pending.some((step) => ["back", "undo", "go"].includes(step.kind));
  const current = () => {
    const gone = new Set(steps.pending.filter(onward).map((step) => step.position));
    return data.items.find((item) => !gone.has(item.position));
  };
  const told = (item, kind) =>
    steps.pending.findLast((step) => step.kind === kind && step.position === item.position);
  const flagged = (item) => told(item, "flag")?.on ?? item.flagged;
  const comment = (item) => told(item, "comment")?.text ?? item.comment;

  const act = (kind, more = () => ({})) => {
    const item = waiting() ? undefined : current();
    if (item) {
      steps.push({ kind, position: item.position, ...more(item) });
      root.say = "";
      draw();
    } else {
      root.typed.push([kind, more]);
    }
  };
  const shown = (item) => (item.guess ? { predicted: item.guess.id, sure: item.guess.sure } : {});
  const label = (id) => act("label", (item) => ({ label: id, ...shown(item) }));
  const flag = () => act("flag", (item) => ({ on: !flagged(item) }));
  const addLabel = (name) => act("label", (item) => ({ label: null, new: true, name, ...shown(item) }));

  // Of very many labels, 1 to 9 give those the model finds likeliest for this record.
  const likely = (item) => {
    if (!data.many || !item) return [];
    if (!root.likely.has(item.position) && data.waiting) return item.likely.map((id) => named.find((one) => one.id === id));
    if (!root.likely.has(item.position)) root.likely.set(item.position, item.likely);
    return root.likely.get(item.position).map((id) => named.find((one) => one.id === id)).filter(Boolean);
  };
  const keyed = (key) => {
    if (key === "0") return none;
    if (data.many && /^[1-9]$/.test(key)) return likely(waiting() ? undefined : current())[Number(key) - 1];
    return named.find((one) => one.key === key);
  };

  // ---- writing: a comment, or the name of a new label --------------------------------------------------
  const write = (what) => {
    const item = waiting() ? undefined : current();
    if (!item) return;
    root.writing = { what, position: item.position };
    parts.note.hidden = false;
    parts.note.firstChild.textContent = what === "comment" ? "Comment" : "New label";
    parts.box.placeholder = what === "comment" ? "Enter saves it, Esc leaves it" : "Enter adds it and gives it to this record";
    parts.box.value = what === "comment" ? comment(item) : "";
    parts.box.maxLength = what === "comment" ? 10000 : 200;
    parts.box.focus();
    parts.box.select();
  };
  const stopWriting = () => {
    root.writing = null;
    parts.note.hidden = true;
    parts.box.blur();
  };
  const written = (event) => {
    if (event.isComposing) return;
    if (event.key === "Escape") stopWriting();
    if (event.key !== "Enter") return;
    const text = parts.box.value.trim();
    const { what, position } = root.writing;
    stopWriting();
    if (what === "comment") steps.push({ kind: "comment", position, text });
    else if (text) nameGiven(text);
    draw();
  };
  const nameGiven = (text) => {
    const known = named.find((one) => one.name.toLowerCase() === text.toLowerCase());
    if (known) label(known.id);
    else addLabel(text);
  };

  // ---- finding one of many labels ------------------------------------------------------------------------
  const matches = () => {
    const words = parts.find.value.trim().toLowerCase();
    if (!words) return named;
    const rank = (one) => {
      const name = one.name.toLowerCase();
      if (name.startsWith(words)) return 0;
      const begins = [...name].some((char, i) => " _/,.:-".includes(char) && name.startsWith(words, i + 1));
      return begins ? 1 : name.includes(words) ? 2 : 3;
    };
    const found = named.map((one) => [rank(one), one]).filter(([place]) => place < 3);
    return found.sort((a, b) => a[0] - b[0]).map(([, one]) => one);
  };
  const stopFinding = () => {
    parts.find.value = "";
    root.at = -1;
    parts.find.blur();
    drawFound();
  };
  const finding = (event) => {
    if (event.isComposing) return;
    const found = matches();
    const along = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    const typed = parts.find.value.trim();
    if (along && found.length) {
      root.at = Math.max(-1, root.at + along) % found.length;
      event.preventDefault();
      drawFound();
    } else if (event.key === "Escape") {
      stopFinding();
    } else if (event.key === "Enter") {
      const chosen = found[root.at];
      stopFinding();
      if (chosen) label(chosen.id);
      else if (typed) addLabel(typed);
    }
  };
  const drawFound = () => {
    parts.many.hidden = !data.many;
    if (!data.many) return;
    const found = matches();
    const typed = parts.find.value.trim();
    parts.find.placeholder = `/ to find one of ${number(named.length)} labels`;
    const item = current();
    const list = found.map((one, i) => {
      const element = labelButton(one, /\d/.test(one.key ?? "") ? "" : one.key, item, true);
      if (i === root.at) element.classList.add("chosen");
      return element;
    });
    if (!found.length) list.push(make("span", "quiet", `No label is called so. Enter adds “${typed}” and gives it to this record.`));
    parts.found.replaceChildren(...list);
    parts.found.querySelector(".chosen")?.scrollIntoView({ block: "nearest" });
  };

  // ---- another key for a label ---------------------------------------------------------------------------
  const rekey = (id) => {
    root.keyFor = id;
    root.offered = null;
    const name = labels.find((one) => one.id === id).name;
    root.say = `Press the new key of ${name}. Esc leaves it as it is.`;
    draw();
  };
  const newKey = (key) => {
    const one = labels.find((other) => other.id === root.keyFor);
    const owner = named.find((other) => other.key === key && other !== one);
    if (key === "escape" || !one || one.key === key) {
      root.keyFor = null;
      root.say = "";
    } else if (key.length > 1) {
      return; // Shift, Tab and the like
    } else if (data.many && /\d/.test(key)) {
      root.say = `With so many labels, 1 to 9 give the likeliest ones: press a letter for ${one.name}.`;
    } else if (!data.keys.includes(key)) {
      root.say = `${key.toUpperCase()} does something else here: press another key for ${one.name}.`;
    } else if (owner && root.offered !== key) {
      root.offered = key;
      root.say = `${key.toUpperCase()} is the key of ${owner.name}. Press it once more to exchange the two, or another one.`;
    } else {
      root.keyFor = null;
      root.say = "";
      steps.push({ kind: "hotkey", position: current()?.position ?? 0, label: one.id, text: key, on: Boolean(owner) });
      root.say = `${one.name} has the key ${key.toUpperCase()} now.`;
      one.key = key;
      if (owner) owner.key = data.labels.find((other) => other.id === one.id).key;
    }
    draw();
  };

  // ---- drawing ---------------------------------------------------------------------------------------------
  const labelButton = (one, key, item, editable) => {
    const element = button(one === none ? "plain" : "label", one.name, key, () => label(one.id));
    element.style.setProperty("--label", one.color);
    if (item && one.name === item.label) element.classList.add("on");
    if (one.about) element.title = one.about;
    if (editable) {
      const small = element.querySelector("kbd") ?? element.appendChild(make("kbd", "open", "+"));
      small.title = `Click for another key for ${one.name}`;
      if (root.keyFor === one.id) small.textContent = "…";
      small.onclick = (event) => {
        event.stopPropagation();
        element.blur();
        rekey(one.id);
      };
    }
    return element;
  };

  const side = (item) => {
    const lines = item.why ? [make("div", "quiet why", item.why)] : [];
    for (const answer of item.answers ?? []) {
      lines.push(make("div", "", `${answer.who}: `, chip(answer.name, answer.color)));
    }
    if (item.label) {
      lines.push(make("div", "", "labelled ", chip(item.label, item.color), make("span", "quiet", ` ${item.by}`)));
    } else if (item.state === "skipped") {
      lines.push(make("div", "quiet", "skipped before"));
    }
    if (item.guess) {
      const sure = make("span", "", ` ${percent(item.guess.sure)}`);
      lines.push(make("div", "guess", "model says ", chip(item.guess.name, item.guess.color), sure, make("kbd", "", "Enter")));
    }
    if (item.near) lines.push(make("div", "near", `nearest labelled: ${item.near}`));
    if (flagged(item)) lines.push(make("div", "flagged", "⚑ flagged"));
    if (comment(item)) lines.push(make("div", "comment", `“${comment(item)}”`));
    for (const other of item.comments ?? []) lines.push(make("div", "quiet", `${other.by}: “${other.text}”`));
    for (const [name, value] of item.fields) lines.push(make("div", "quiet", `${name}: ${value}`));
    const link = button("link", "See its neighbours", "", () => setTriggerValue("neighbors", item.row));
    lines.push(make("div", "", link));
    return lines;
  };

  const dots = () => {
    const answered = steps.pending.filter(onward).map((step) => {
      const given = labels.find((one) => one.id === step.label);
      return { position: step.position, label: step.name ?? given?.name, color: given?.color, state: "skipped" };
    });
    const all = new Map([...data.past, ...answered].map((one) => [one.position, one]));
    return [...all.values()].slice(-10).map((one) => {
      const dot = button(one.label ? "dot" : "dot open", "", "", () => act("go", () => ({ to: one.position })));
      dot.append(make("i", ""));
      dot.style.setProperty("--label", one.color ?? data.unlabelled_color);
      dot.title = `${number(one.position + 1)}: ${one.label ?? one.state}`;
      dot.setAttribute("aria-label", `Go back to ${dot.title}`);
      return dot;
    });
  };

  const drawHelp = () => {
    parts.help.hidden = !root.help;
    if (!root.help) return;
    const line = (key, what) => make("div", "", make("kbd", "", key), make("span", "", what));
    const ways = [
      ["Enter", "give what the model says"],
      ["0", "none of these"],
      ["S", "skip this record"],
      ["B", "back to the one before"],
      ["U", "undo the last answer"],
      ["F", "flag it, or take the flag off"],
      [data.many ? "N" : "N or /", "write a comment"],
      ...(data.many ? [["/", "find a label by its name"]] : []),
      ["+", "add a label and give it"],
      ["?", "show or hide these keys"],
    ];
    parts.help.classList.toggle("long", named.length > 9);
    const given = named.filter((one) => one.key && !(data.many && /\d/.test(one.key)));
    const left = make("div", "", make("b", "", "Keys"), ...ways.map(([key, what]) => line(key, what)));
    const right = make("div", "", make("b", "", "Labels"));
    if (data.many) right.append(line("1–9", "the likeliest ones, as shown"));
    right.append(...given.map((one) => line(one.key.toUpperCase(), one.name)));
    const without = named.length - given.length;
    if (without && data.many) right.append(make("p", "quiet", `${number(without)} labels have no key of their own: / finds them.`));
    right.append(make("p", "quiet", "Click the key on a label to give it another one."));
    parts.help.replaceChildren(left, right, button("close", "Close", "Esc", () => toggleHelp(false)));
  };
  const toggleHelp = (on) => {
    root.help = on;
    drawHelp();
  };

  function draw() {
    const item = current();
    root.classList.toggle("waiting", waiting() || !item);
    const text = make("div", "text", item ? item.text : "One moment …");
    if (item && item.text.length > 900) text.classList.add("dense");
    if (item?.cut) text.append(make("p", "quiet", item.cut));
    const place = make("div", "place");
    if (item) place.append(make("b", "", number(item.position + 1)), ` of ${number(data.n)}`);
    parts.top.replaceChildren(make("div", "frame", text), make("div", "side", place, ...(item ? side(item) : [])));

    parts.say.textContent = root.say ?? "";
    parts.say.hidden = !root.say;
    const first = data.many ? likely(item) : named;
    parts.labels.replaceChildren(
      ...first.map((one, i) => labelButton(one, data.many ? String(i + 1) : one.key, item, !data.many)),
      labelButton(none, "0", item, false),
    );
    drawFound();

    const back = button("", "Back", "b", () => act("back"));
    back.disabled = !item || item.position === 0;
    const marked = button("", item && flagged(item) ? "Unflag" : "Flag", "f", flag);
    const saving = make("span", "saving quiet");
    parts.ways.replaceChildren(
      button("", "Skip", "s", () => act("skip")),
      back,
      button("", "Undo", "u", () => act("undo")),
      marked,
      button("", "Comment", "n", () => write("comment")),
      button("", "New label", "+", () => write("new")),
      button("", "Keys", "?", () => toggleHelp(!root.help)),
      saving,
    );
    const last = dots();
    parts.dots.replaceChildren(...(last.length ? [make("span", "quiet", "the last ones"), ...last] : []));
    clearTimeout(root.timer);
    root.timer = setTimeout(() => {
      if (steps.pending.length) saving.textContent = `saving ${steps.pending.length} …`;
    }, 1500);
  }

  const onKey = (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.repeat || event.defaultPrevented) return;
    const target = event.composedPath()[0];
    if (target.closest?.("input, textarea, select, [contenteditable='true']")) return;
    if (document.querySelector("[role='dialog']")) return;
    let key = event.key.toLowerCase();
    if (!event.shiftKey && /^Digit\d$/.test(event.code)) key = event.code[5]; // where digits need Shift
    const guess = current()?.guess;
    if (root.help) toggleHelp(false);
    else if (root.keyFor != null) newKey(key);
    else if (keyed(key)) label(keyed(key).id);
    else if (key === "s") act("skip");
    else if (key === "b") act("back");
    else if (key === "u") act("undo");
    else if (key === "f") flag();
    else if (key === "n" || (key === "/" && !data.many)) write("comment");
    else if (key === "/") parts.find.focus();
    else if (key === "+") write("new");
    else if (key === "?") toggleHelp(true);
    else if (key === "enter" && guess && !target.closest?.("button, a")) label(guess.id);
    else return;
    event.preventDefault();
  };
  if (root.onKey) document.removeEventListener("keydown", root.onKey);
  root.onKey = onKey;
  document.addEventListener("keydown", onKey);
  root.on = { write: written, find: finding, found: drawFound };

  while (root.typed.length && !waiting() && current()) act(...root.typed.shift());
  draw();
  drawHelp();
  return () => document.removeEventListener("keydown", onKey);
}
