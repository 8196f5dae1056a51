"""The table of all endpoints."""

from __future__ import annotations

from reconciler.sandbox import (
    alias_routes,
    auth_routes,
    context_routes,
    dkim_routes,
    domain_admin_routes,
    domain_alias_routes,
    domain_routes,
    list_routes,
    mail_routes,
    password_routes,
    search_routes,
    seat_routes,
    server_routes,
    user_routes,
)
from reconciler.sandbox.call import Route

ROUTES: tuple[Route, ...] = (
    *auth_routes.ROUTES,
    *context_routes.ROUTES,
    *server_routes.ROUTES,
    *domain_routes.ROUTES,
    *domain_admin_routes.ROUTES,
    *search_routes.ROUTES,
    *user_routes.ROUTES,
    *mail_routes.ROUTES,
    *seat_routes.ROUTES,
    *password_routes.ROUTES,
    *alias_routes.ROUTES,
    *domain_alias_routes.ROUTES,
    *dkim_routes.ROUTES,
    *list_routes.ROUTES,
)
