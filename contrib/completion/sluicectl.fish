# SPDX-License-Identifier: BSD-2-Clause
# Completion for fish: commands and options are those that sluicectl itself names, so that they are never others.

function __sluicectl_verbs
    switch $argv[1]
        case config
            printf '%s\n' check show
        case list
            printf '%s\n' show test add remove
        case limits
            printf '%s\n' list show reset
        case greylist
            printf '%s\n' list show pass forget
        case dkim
            printf '%s\n' keygen check rotate
        case dmarc
            printf '%s\n' report failures read
        case learn
            printf '%s\n' spam ham forget status
        case hold
            printf '%s\n' list show release drop watch
        case token
            printf '%s\n' add list remove
        case attach
            printf '%s\n' postfix sendmail
        case import
            printf '%s\n' opendkim opendmarc policyd-spf postgrey milter-greylist rspamd
    end
end

function __sluicectl_verb
    for word in (commandline -opc)[3..-1]
        contains -- $word (__sluicectl_verbs (commandline -opc)[2]); and echo $word; and return
    end
    return 1
end

function __sluicectl_options
    set -l words (commandline -opc)
    sluicectl $words[2] (__sluicectl_verb) -h 2>/dev/null | string match -arg '(?:^| |\[|\|)(--?[a-z][a-z-]*)' | sort -u
end

complete -c sluicectl -f -n 'test (count (commandline -opc)) -eq 1' -a '(sluicectl --help 2>/dev/null | string replace -rf "^  ([a-z][a-z-]*) +(.*)" "\$1\t\$2")'
complete -c sluicectl -f -n 'test (count (commandline -opc)) -gt 1; and not __sluicectl_verb >/dev/null' -a '(__sluicectl_verbs (commandline -opc)[2])'
complete -c sluicectl -f -n 'test (count (commandline -opc)) -gt 1; and string match -q -- "-*" (commandline -ct)' -a '(__sluicectl_options)'
