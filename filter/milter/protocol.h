/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * protocol.h - the numbers of the milter protocol, versions 2 to 6, under the names that Sendmail's libmilter gives them in
 * mfdef.h and mfapi.h; those that neither Sendmail nor Postfix sends to us, or that we never say, are left out.
 */
#ifndef MILTER_PROTOCOL_H
#define MILTER_PROTOCOL_H

#define SMFI_PROT_VERSION     6
#define SMFI_PROT_VERSION_MIN 2
#define SMFI_V1_ACTS          0x0fu /* what an MTA allows that offers no actions at all */
#define SMFI_V1_PROT          0x3fu /* the steps that an MTA can leave out that offers none */

/* commands of the MTA */
#define SMFIC_ABORT   'A'
#define SMFIC_BODY    'B'
#define SMFIC_CONNECT 'C'
#define SMFIC_MACRO   'D'
#define SMFIC_BODYEOB 'E'
#define SMFIC_HELO    'H'
#define SMFIC_QUIT_NC 'K' /* this session is over, and another comes over the same connection */
#define SMFIC_HEADER  'L'
#define SMFIC_MAIL    'M'
#define SMFIC_EOH     'N'
#define SMFIC_OPTNEG  'O'
#define SMFIC_QUIT    'Q'
#define SMFIC_RCPT    'R'
#define SMFIC_DATA    'T'
#define SMFIC_UNKNOWN 'U'

/* families of a client's address in SMFIC_CONNECT */
#define SMFIA_INET  '4'
#define SMFIA_INET6 '6'

/* what a milter answers */
#define SMFIR_ADDRCPT    '+'
#define SMFIR_DELRCPT    '-'
#define SMFIR_ACCEPT     'a'
#define SMFIR_REPLBODY   'b'
#define SMFIR_CONTINUE   'c'
#define SMFIR_DISCARD    'd'
#define SMFIR_INSHEADER  'i'
#define SMFIR_CHGHEADER  'm'
#define SMFIR_QUARANTINE 'q'
#define SMFIR_REPLYCODE  'y'

/* actions that a milter may want */
#define SMFIF_ADDHDRS    0x001u
#define SMFIF_CHGBODY    0x002u
#define SMFIF_ADDRCPT    0x004u
#define SMFIF_DELRCPT    0x008u
#define SMFIF_CHGHDRS    0x010u
#define SMFIF_QUARANTINE 0x020u
#define SMFIF_SETSYMLIST 0x100u

/* steps that are left out, or have no answer (NR) */
#define SMFIP_NOBODY      0x000010u
#define SMFIP_NOEOH       0x000040u
#define SMFIP_NR_HDR      0x000080u
#define SMFIP_NOUNKNOWN   0x000100u
#define SMFIP_NODATA      0x000200u
#define SMFIP_RCPT_REJ    0x000800u /* the MTA sends recipients, too, that it has refused */
#define SMFIP_NR_CONN     0x001000u
#define SMFIP_NR_HELO     0x002000u
#define SMFIP_NR_MAIL     0x004000u
#define SMFIP_NR_RCPT     0x008000u
#define SMFIP_NR_DATA     0x010000u
#define SMFIP_NR_UNKN     0x020000u
#define SMFIP_NR_EOH      0x040000u
#define SMFIP_NR_BODY     0x080000u
#define SMFIP_HDR_LEADSPC 0x100000u /* values of fields come and go with what stands after the colon */

/* stages for which macros can be asked for */
#define SMFIM_CONNECT 0
#define SMFIM_ENVFROM 2
#define SMFIM_ENVRCPT 3
#define SMFIM_DATA    4
#define SMFIM_EOM     5

#endif
