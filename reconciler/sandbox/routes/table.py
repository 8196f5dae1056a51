"""The table of all endpoints."""

from __future__ import annotations

from reconciler.sandbox.call import Route
from reconciler.sandbox.routes import activation as activation_routes
from reconciler.sandbox.routes import alias as alias_routes
from reconciler.sandbox.routes import auth as auth_routes
from reconciler.sandbox.routes import context as context_routes
from reconciler.sandbox.routes import dkim as dkim_routes
from reconciler.sandbox.routes import domain as domain_routes
from reconciler.sandbox.routes import domain_admin as domain_admin_routes
from reconciler.sandbox.routes import domain_alias as domain_alias_routes
from reconciler.sandbox.routes import list as list_routes
from reconciler.sandbox.routes import mail as mail_routes
from reconciler.sandbox.routes import password as password_routes
from reconciler.sandbox.routes import search as search_routes
from reconciler.sandbox.routes import server as server_routes
from reconciler.sandbox.routes import user as user_routes

ROUTES: tuple[Route, ...] = (
    *auth_routes.ROUTES,
    *context_routes.ROUTES,
    *server_routes.ROUTES,
    *domain_routes.ROUTES,
    *domain_admin_routes.ROUTES,
    *search_routes.ROUTES,
    *user_routes.ROUTES,
    *mail_routes.ROUTES,
    *activation_routes.ROUTES,
    *password_routes.ROUTES,
    *alias_routes.ROUTES,
    *domain_alias_routes.ROUTES,
    *dkim_routes.ROUTES,
    *list_routes.ROUTES,
)
