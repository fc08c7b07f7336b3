INPUT_MAIL_FILTER(`sluice', `S=inet:8891@127.0.0.1, F=T, T=C:20s;S:60s;R:60s;E:2m')dnl
