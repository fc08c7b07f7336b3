# SPDX-License-Identifier: BSD-2-Clause
# Completion for bash: commands and options are those that sluicectl itself names, so that they are never others.

_sluicectl_verbs() {
	case $1 in
	config) echo check show ;;
	list) echo show test add remove ;;
	limits) echo list show reset ;;
	greylist) echo list show pass forget ;;
	dkim) echo keygen check rotate ;;
	dmarc) echo report failures read ;;
	learn) echo spam ham forget status ;;
	hold) echo list show release drop watch ;;
	token) echo add list remove ;;
	attach) echo postfix sendmail ;;
	import) echo opendkim opendmarc policyd-spf postgrey milter-greylist rspamd ;;
	esac
}

_sluicectl() {
	local cur=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]} command=${COMP_WORDS[1]} verb= word
	local words=()

	if ((COMP_CWORD == 1)); then
		mapfile -t words < <("${COMP_WORDS[0]}" --help 2>/dev/null | sed -n 's/^  \([a-z][a-z-]*\) .*/\1/p')
	elif [[ $cur == -* ]]; then
		for word in "${COMP_WORDS[@]:2:COMP_CWORD-2}"; do
			[[ " $(_sluicectl_verbs "$command") " != *" $word "* ]] || verb=$word
		done
		mapfile -t words < <("${COMP_WORDS[0]}" "$command" ${verb:+"$verb"} -h 2>/dev/null | grep -oE -- '(^| |\[|\|)--?[a-z][a-z-]*' | tr -d ' [|' | sort -u)
	elif [[ $before != -* || $before == --json || $before == --raw ]]; then
		mapfile -t words < <(_sluicectl_verbs "$command" | tr ' ' '\n')
		for word in "${COMP_WORDS[@]:2:COMP_CWORD-2}"; do
			[[ " ${words[*]} " != *" $word "* ]] || words=()
		done
	fi
	mapfile -t COMPREPLY < <(compgen -W "${words[*]}" -- "$cur")
}

complete -o default -o bashdefault -F _sluicectl sluicectl
