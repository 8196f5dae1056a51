"""Answers with the fields that docs/reference/smartermail-api.md lists, one for each section that has any."""

from __future__ import annotations

from typing import Any

ENVELOPE = {"success": True, "resultCode": 200, "message": "", "debugInfo": None}

LOGIN: dict[str, Any] = {  # section 2.1
    "emailAddress": "", "username": "admin", "isAdmin": True, "isDomainAdmin": False,
    "isImpersonating": False, "canViewPasswords": True, "isLicensed": True,
    "changePasswordNeeded": False, "passwordExpired": False, "displayWelcomeWizard": False,
    "localeId": "en", "autoLoginToken": None, "autoLoginUrl": None,
    "accessToken": "eyJ…", "accessTokenExpiration": "2026-01-01T00:15:00Z",
    "refreshToken": "eyJ…", "refreshTokenExpiration": "2026-03-02T00:00:00Z",
    "success": True, "resultCode": 200, "message": None,
}  # fmt: skip

REFRESH = {  # section 2.4
    "accessToken": "eyJ…", "refreshToken": "eyJ…", "accessTokenExpiration": "2026-01-01T00:15:00Z",
    "refreshTokenExpiration": "2026-03-02T00:00:00Z", "success": True,
}  # fmt: skip

IMPERSONATION = {  # section 2.7
    "impersonateAccessToken": "eyJ…", "impersonateRefreshToken": "eyJ…",
    "impersonateAccessTokenExpiration": "2026-01-01T00:15:00Z",
    "username": "…", "email": "…", "success": True,
}  # fmt: skip

DOMAINS = {  # section 4.1
    "data": [{
        "name": "example.test", "path": "C:\\SmarterMail\\Domains\\example.test", "hostname": "mail.example.test",
        "isEnabled": True, "status": "Enabled", "userCount": 3, "userLimit": 0, "aliasCount": 2, "aliasLimit": 0,
        "domainAliasCount": 0, "listCount": 0, "listLimit": 0, "size": 123456, "maxSize": 0, "sizeMb": 0,
        "fileStorageSize": 0, "fileStorageSizeMb": 0, "imgLink": "",
    }],
    "success": True,
}  # fmt: skip

DOMAIN = {  # section 4.3
    "domainData": {
        "name": "", "hostname": "", "isEnabled": True, "diskUsage": 0, "userCount": 0, "userLimit": 0, "maxSize": 0,
        "mainDomainAdmin": "", "size": 0, "sizeMb": 0,
    },
    "success": True,
}  # fmt: skip

DOMAIN_SETTINGS = {  # section 4.4
    "domainSettings": {
        "isEnabled": True, "domainPath": "…", "hostname": "…", "mainDomainAdmin": "…",
        "maxSize": 0, "maxUsers": 0, "maxAliases": 0, "maxDomainAliases": 0, "maxLists": 0,
        "maxMailboxSize": 0, "maxMessageSize": 0, "maxRecipients": 0,
        "maxActiveSyncAccounts": 0, "maxMapiEwsAccounts": 0,
        "enableActiveSyncAccountManagement": True, "enableMapiEwsAccountManagement": True,
        "enableMailForwarding": True, "enableSmtpAccounts": True, "enableXmpp": True,
        "enableDisposableAddresses": True, "enableFileStorage": True,
        "showDomainAliasMenu": True, "showListMenu": True, "showSpamMenu": True,
        "sharedGlobalAddressList": True, "calendarPublicAvailability": False,
        "requireSmtpAuthentication": True, "listCommandAddress": "", "catchAll": "",
        "bypassForwardBlackList": False, "outgoingIP": "",
        "throttleSettings": {"messagesPerHour": 0, "messagesAction": 0, "bandwidthPerHour": 0,
                             "bandwidthAction": 0, "bouncesPerHour": 0, "bouncesAction": 0},
    },
    "success": True,
}  # fmt: skip

DOMAIN_OWN_DATA = {  # section 4.7
    "domainData": {
        "name": "", "hostname": "", "isEnabled": True, "userCount": 0, "userLimit": 0, "aliasCount": 0,
        "aliasLimit": 0, "domainAliasCount": 0, "listCount": 0, "listLimit": 0, "size": 0, "sizeMb": 0, "maxSize": 0,
    },
    "success": True,
}  # fmt: skip

DOMAIN_OWN_SETTINGS = {  # sections 4.7 and 8
    "domainSettings": {
        "mainDomainAdmin": "", "isEnabled": True, "maxSize": 0, "enableActiveSyncAccountManagement": True,
        "enableMapiEwsAccountManagement": True, "allowUserSizeChanging": True, "showDomainAliasMenu": True,
        "showListMenu": True, "enableDkimSigningDomainAdmin": True, "spamForwardOption": "None",
        "spamForwardOverrideActive": False,
        "domainKeysSettings": {
            "isActive": True, "selector": "8DC…", "publicKey": "MIIB…", "keySize": 2048, "maxMessageSign": 0,
            "dkimCanonicalizationAlgorithmBody": 0, "dkimCanonicalizationAlgorithmHeader": 0,
            "dkimHeaderFieldOption": 0, "dkimHeaderFields": [], "pending": None,
        },
    },
    "success": True,
}  # fmt: skip
PENDING = {"selector": "…", "publicKey": "…", "keySize": 2048, "nextCheckUtc": "…"}

LIST_USERS = {  # section 5.1 A
    "userData": [{
        "userName": "anna", "emailAddress": "anna@example.test", "fullName": "Anna A",
        "isPrimaryDomainAdmin": False, "currentMailboxSize": 1234, "maxMailboxSize": 1073741824,
        "lastLoginTime": "0001-01-01T00:00:00",
        "securityFlags": {"authType": 0, "isDisabled": False, "isDomainAdmin": False},
    }],
    "success": True,
}  # fmt: skip

SEARCH = {  # section 5.1 B
    "results": [{
        "userName": "anna", "displayName": "Anna A", "emailAddress": "anna@example.test", "accountType": 0,
        "isEnabled": True, "lastLogin": "…", "totalMailboxSize": 1234, "authType": 0,
    }],
    "totalCount": 1, "success": True,
}  # fmt: skip

QUICK = {  # section 5.1 C
    "users": [{
        "userName": "anna", "displayName": "Anna A", "bytesUsed": 1234, "bytesAllowed": None,
        "status": "Enabled", "lastLoginTime": "…",
    }],
    "success": True,
}  # fmt: skip

USER = {  # section 5.2
    "userData": {
        "userName": "anna", "domain": "example.test", "emailAddress": "anna@example.test", "fullName": "Anna A",
        "description": "", "maxMailboxSize": 1073741824, "currentMailboxSize": 1234,
        "securityFlags": {"authType": 0, "authenticatingWindowsDomain": None, "isDisabled": False,
                          "isDomainAdmin": False, "isSystemAdmin": False, "isPrimarySystemAdmin": False},
        "adminId": "", "roles": [], "permissions": 0, "createDate": "…", "loaded": True, "sessionStr": "",
        "isListModerator": False, "enableSmtpAccounts": True, "adUsername": "",
        "lockPassword": False, "isPasswordExpired": False, "isPasswordCompliant": 0,
        "tempPassword": "", "tempPasswordExpUtc": "…", "csvFields": None,
    },
    "success": True,
}  # fmt: skip

USER_MAIL = {  # section 5.3
    "userMailSettings": {
        "isEnabled": True, "canReceiveMail": True, "maxSize": 1073741824, "totalMailboxSize": 1234,
        "hideFromGAL": False, "isCatchAll": False, "enablePop": True, "enableImap": True, "enableSmtp": True,
        "enableMailForwarding": True, "replyToAddress": "", "localeId": "en", "dictionaryLanguage": "en",
        "userContactInfo": {"firstName": "Anna", "lastName": "A", "displayAs": "Anna A"},
        "throttleSettings": {}, "blockedSenders": [],
    },
    "success": True,
}  # fmt: skip

FORWARD = {  # section 5.8
    "mailboxForwardList": {
        "forwardList": ["x@other.test"], "keepRecipients": False, "deleteOnForward": False, "spamForwardOption": "None",
    },
    "success": True,
}  # fmt: skip

ACTIVATIONS = {
    "activeSyncAccounts": [{"emailAddress": "", "isActive": True, "displayName": ""}],
    "success": True,
}  # 5.9
MAPI_SEATS = {"mapiEwsAccounts": ACTIVATIONS["activeSyncAccounts"], "success": True}

PASSWORD_SETTINGS = {  # section 5.10
    "overrides": {
        "requireCapital": True, "requireLower": True, "requireNumber": True, "requireSymbol": True,
        "notUsername": True, "preventCommonPasswords": True,
        "minLength": {"enabled": True, "ruleValue": 0}, "preventPreviousPasswords": {},
        "expiration": {"enabled": True, "ruleValue": 0, "gracePeriodDays": 0},
    },
    "success": True,
}  # fmt: skip

ALIASES = {  # section 6.1
    "gridInfo": [{"name": "sales", "targets": ["anna@example.test", "x@other.test"]}], "success": True,
}  # fmt: skip

ALIAS = {  # section 6.2
    "alias": {
        "name": "sales", "displayName": "Sales", "description": "", "aliasTargetList": ["anna@example.test"],
        "allowSending": False, "hideFromGAL": False, "internalOnly": False, "includeAllDomainUsers": False,
        "enableForXmpp": False, "isEnabled": True,
    },
    "success": True,
}  # fmt: skip

DOMAIN_ALIASES = {  # section 7
    "domainAliasData": [
        {"name": "example.org", "aliasIdn": "…", "domainName": "example.test", "img": "", "url": ""},
    ],
    "success": True,
}  # fmt: skip

ROLLOVER = {  # section 8
    "publicKey": "", "selector": "", "keySize": 2048, "nextCheckUtc": "", "success": True, "message": "",
}  # fmt: skip

LISTS = {  # section 9
    "items": [{
        "id": 1, "listAddress": "", "moderatorAddress": "", "description": "", "postingPermissions": 0,
        "disabled": False, "listSubscriberCount": 0, "createdOn": "",
    }],
    "success": True,
}  # fmt: skip
