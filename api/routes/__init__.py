"""The endpoints, one file per group. A new group is a file here and a line in `ROUTERS`."""

from __future__ import annotations

from fastapi import APIRouter

from api.routes import audio, chat, drawings, images, jobs, models, system, web

ROUTERS: tuple[APIRouter, ...] = (
    web.router,
    system.router,
    models.router,
    images.router,
    drawings.router,
    jobs.router,
    audio.router,
    chat.router,
)

__all__ = ["ROUTERS"]
