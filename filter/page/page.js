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

	if (parts.length) {
		addButton();
		setInterval(refresh, PERIOD_MS);
	}
})();
