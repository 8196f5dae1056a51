"""The table of all endpoints."""

from __future__ import annotations

from reconciler.sandbox import (
    alias_routes,
    auth_routes,
    context_routes,
    domain_routes,
    search_routes,
    user_routes,
)
from reconciler.sandbox.call import Route

ROUTES: tuple[Route, ...] = (
    *auth_routes.ROUTES,
    *context_routes.ROUTES,
    *domain_routes.ROUTES,
    *search_routes.ROUTES,
    *user_routes.ROUTES,
    *alias_routes.ROUTES,
)
