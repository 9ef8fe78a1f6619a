"""The cloud console: web pages, admin API and device API, multi-tenant."""
