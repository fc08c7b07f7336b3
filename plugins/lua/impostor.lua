-- SPDX-License-Identifier: BSD-2-Clause
-- impostor: does the name in From claim to be one of us, or show another address than the real one?
--
--	lua impostor { script /etc/sluice/impostor.lua }
--	at message { rule impostor hold "{impostor.shows}" when impostor.address_in_name or impostor.is_ours }

local function address_in(text)
	return text:match("[%w%._%+%-]+@[%w%.%-]+%.%a%a+")
end

-- The display name and the address of a From field, as mail programs show them.
local function parse(from)
	from = from:gsub("\r?\n", "")
	local name, address = from:match("^%s*(.-)%s*<([^<>]*)>%s*$")
	if not name then
		return "", from:match("^%s*(%S+)%s*$") or ""
	end
	return (name:gsub('^"(.*)"$', "%1")), address
end

return {
	stage = "message",
	headers = true,
	facts = {
		{ "address_in_name", "bool", "the display name in From holds an address of another domain than the real one" },
		{ "is_ours", "bool", "that address is of one of our domains (the list local-domains)" },
		{ "shows", "text", "the address in the display name" },
	},
	run = function(tx)
		local from
		for _, header in ipairs(tx.headers) do
			if header.name:lower() == "from" then
				from = header.value
			end
		end
		if not from then
			return nil -- skipped: nothing to look at
		end
		local name, address = parse(from)
		local shown = address_in(name)
		if not shown then
			return { address_in_name = false, is_ours = false }
		end
		local domain = shown:match("@(.*)$"):lower()
		local real = (address:match("@(.*)$") or ""):lower()
		return {
			address_in_name = domain ~= real,
			is_ours = domain ~= real and sluice.in_list("local-domains", domain),
			shows = shown,
		}
	end,
}
