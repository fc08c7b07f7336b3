// SPDX-License-Identifier: BSD-2-Clause
// The page is whole without this. With it, what is marked data-live is fetched anew every few seconds, as the server draws it.
"use strict";

(() => {
	const PERIOD_MS = 5000;
	const parts = document.querySelectorAll("[data-live]");
	let paused = false, asking = false;

	async function refresh() {
		if (paused || asking || document.hidden)
			return;
		asking = true;
		try {
			const answer = await fetch(location.origin + location.pathname + location.search);
			if (answer.ok)
				replace(new DOMParser().parseFromString(await answer.text(), "text/html"));
			document.documentElement.toggleAttribute("data-stale", !answer.ok);
		} catch {
			document.documentElement.toggleAttribute("data-stale", true);
		}
		asking = false;
	}

	// What has the focus, or a selection, stays as it is: nobody's place is taken from under them.
	function replace(fresh) {
		for (const old of document.querySelectorAll("[data-live]")) {
			const other = fresh.getElementById(old.id);
			const selection = document.getSelection();
			if (other && !old.contains(document.activeElement) && !(selection && !selection.isCollapsed && old.contains(selection.anchorNode)))
				old.replaceWith(document.adoptNode(other));
		}
	}

	function addButton() {
		const button = document.createElement("button");
		button.type = "button";
		button.textContent = "Pause";
		button.setAttribute("aria-pressed", "false");
		button.addEventListener("click", () => {
			paused = !paused;
			button.setAttribute("aria-pressed", String(paused));
			button.textContent = paused ? "Go on" : "Pause";
		});
		document.querySelector(".actions")?.append(button);
	}

	// ---- release: buttons for rows that say what would be sent, for who has a token of scope operate. It stays in this window. ----

	const ACTIONS = {
		pass: ["Let pass", "/api/v1/greylist/pass"],
		forget: ["Forget", "/api/v1/greylist/forget"],
		reset: ["Reset", "/api/v1/limits/reset"],
		let: ["Release", "/api/v1/held/release"],
		drop: ["Drop", "/api/v1/held/drop"],
	};
	const KEPT = "sluice-token";

	function make(name, text, parent) {
		const element = document.createElement(name);
		element.textContent = text;
		parent.append(element);
		return element;
	}

	async function release(row, path, say) {
		const token = sessionStorage.getItem(KEPT);
		if (!token) {
			say("Type a token of scope operate first.");
			document.getElementById("release-token").focus();
			return;
		}
		try {
			const answer = await fetch(location.origin + path, { method: "POST", body: row.dataset.body, headers: { Authorization: "Bearer " + token }, credentials: "omit" });
			const told = await answer.json();
			say(answer.ok ? "Done." : told.error + ": " + told.remedy);
			if (answer.ok)
				row.remove();
			else if (answer.status === 401)
				sessionStorage.removeItem(KEPT);
		} catch {
			say("The daemon does not answer.");
		}
	}

	function addRelease(place) {
		const rows = document.querySelectorAll("tr[data-actions]");
		if (!rows.length)
			return;
		const form = make("form", "", place);
		form.className = "filter";
		const field = make("div", "", form);
		const label = make("label", "Token for changes, of scope operate", field);
		const input = make("input", "", field);
		label.htmlFor = input.id = "release-token";
		input.type = "password";
		input.autocomplete = "off";
		make("button", "Keep in this window", form).type = "submit";
		const status = make("p", "", place);
		status.setAttribute("role", "status");
		const say = text => { status.textContent = text; };
		form.addEventListener("submit", event => {
			event.preventDefault();
			sessionStorage.setItem(KEPT, input.value.trim());
			input.value = "";
			say("The token is kept until this window is closed.");
		});
		for (const table of new Set([...rows].map(row => row.closest("table"))))
			make("th", "Release", table.tHead.rows[0]).scope = "col";
		for (const row of rows) {
			const cell = make("td", "", row);
			cell.dataset.label = "Release";
			const buttons = make("div", "", cell);
			buttons.className = "actions";
			for (const [text, path] of row.dataset.actions.split(" ").filter(name => name).map(name => ACTIONS[name])) {
				const button = make("button", text, buttons);
				button.type = "button";
				button.setAttribute("aria-label", text + ": " + row.cells[0].textContent);
				button.addEventListener("click", () => release(row, path, say));
			}
		}
	}

	const place = document.getElementById("release");
	if (place)
		addRelease(place);

	if (parts.length) {
		addButton();
		setInterval(refresh, PERIOD_MS);
	}
})();
