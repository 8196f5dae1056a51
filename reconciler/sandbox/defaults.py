"""Tables of the fields in answers, with their types and defaults (API reference sections 4, 5, 6)."""

from __future__ import annotations

from typing import Any

DOMAIN_SETTINGS: dict[str, Any] = {
    "isEnabled": True,
    "maxSize": 0,
    "maxUsers": 0,
    "maxAliases": 0,
    "maxDomainAliases": 0,
    "maxLists": 0,
    "maxMailboxSize": 0,
    "maxMessageSize": 0,
    "maxRecipients": 0,
    "maxActiveSyncAccounts": 0,
    "maxMapiEwsAccounts": 0,
    "enableActiveSyncAccountManagement": True,
    "enableMapiEwsAccountManagement": True,
    "enableMailForwarding": True,
    "enableSmtpAccounts": True,
    "enableXmpp": True,
    "enableDisposableAddresses": True,
    "enableFileStorage": True,
    "showDomainAliasMenu": True,
    "showListMenu": True,
    "showSpamMenu": True,
    "sharedGlobalAddressList": True,
    "calendarPublicAvailability": False,
    "requireSmtpAuthentication": True,
    "listCommandAddress": "",
    "catchAll": "",
    "bypassForwardBlackList": False,
    "outgoingIP": "",
    "allowUserSizeChanging": True,
    "enableDkimSigningDomainAdmin": True,
    "spamForwardOption": "None",
    "spamForwardOverrideActive": False,
    "isSplitDomain": False,
    "deliverLocallyForExternalDomain": False,
}
"""domainSettings of sections 4.4 and 4.7; hostname, path, main administrator, throttling and DKIM are separate."""

THROTTLE: dict[str, Any] = {
    "messagesPerHour": 0,
    "messagesAction": 0,
    "bandwidthPerHour": 0,
    "bandwidthAction": 0,
    "bouncesPerHour": 0,
    "bouncesAction": 0,
}

DOMAIN_ADMIN_WRITABLE = frozenset(
    {
        "catchAll",
        "listCommandAddress",
        "allowUserSizeChanging",
        "sharedGlobalAddressList",
        "calendarPublicAvailability",
        "enableDkimSigningDomainAdmin",
        "spamForwardOption",
        "spamForwardOverrideActive",
    }
)
"""Settings that a domain administrator can change. Only a system administrator changes limits and feature flags."""

LIMIT_NAMES: dict[str, str] = {
    "userLimit": "maxUsers",
    "aliasLimit": "maxAliases",
    "listLimit": "maxLists",
    "domainAliasLimit": "maxDomainAliases",
}
"""Names of limits in domainData -> their names in domainSettings. Writes accept both (section 4.5)."""

USER_DATA: dict[str, Any] = {
    "fullName": "",
    "description": "",
    "adminId": "",
    "permissions": 0,
    "isListModerator": False,
    "enableSmtpAccounts": True,
    "adUsername": "",
    "lockPassword": False,
}
"""Writable fields of userData (section 5.2) that are stored without conversion."""

SECURITY_FLAGS: dict[str, Any] = {
    "authType": 0,
    "authenticatingWindowsDomain": None,
    "isDisabled": False,
    "isDomainAdmin": False,
}

USER_MAIL: dict[str, Any] = {
    "isEnabled": True,
    "canReceiveMail": True,
    "hideFromGAL": False,
    "isCatchAll": False,
    "enablePop": True,
    "enableImap": True,
    "enableSmtp": True,
    "enableWebmail": True,
    "enableXmpp": True,
    "enableWebdav": True,
    "enableMailForwarding": True,
    "replyToAddress": "",
    "localeId": "en",
    "dictionaryLanguage": "en",
}
"""Scalar fields of userMailSettings (section 5.3); sizes, contact, throttling and blocked senders are separate."""

CONTACT: dict[str, Any] = {"firstName": "", "lastName": "", "displayAs": ""}

FORWARD: dict[str, Any] = {
    "forwardList": [],
    "keepRecipients": False,
    "deleteOnForward": False,
    "spamForwardOption": "None",
}
ENUMERATIONS: dict[str, tuple[str, ...]] = {"spamForwardOption": ("None", "Delete", "MoveToJunk", "NoProcessing")}
"""Enumerations: field -> names of its values, in the order of their numbers (section 5.8)."""

AUTO_RESPONDER: dict[str, Any] = {"enabled": False, "subject": "", "body": "", "externalReply": False}

ALIAS_FLAGS: dict[str, Any] = {
    "displayName": "",
    "description": "",
    "allowSending": False,
    "hideFromGAL": False,
    "internalOnly": False,
    "includeAllDomainUsers": False,
    "enableForXmpp": False,
    "isEnabled": True,
}
"""Fields of an alias (section 6.2) except its name and targets."""

PROTOCOLS: dict[str, str] = {
    "webmailEnabled": "enableWebmail",
    "smtpEnabled": "enableSmtp",
    "imapEnabled": "enableImap",
    "popEnabled": "enablePop",
    "xmppEnabled": "enableXmpp",
    "webdavEnabled": "enableWebdav",
}
"""Names in modify-protocol-access -> names in userMailSettings (section 5.9)."""
