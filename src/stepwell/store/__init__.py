"""Durable memory on SQLite and the file system: the adapters behind `stepwell.durable.ports`."""

from stepwell.store.blobs import FileBlobs
from stepwell.store.folder import Folder
from stepwell.store.sqlite import SqliteStore

__all__ = ["FileBlobs", "Folder", "SqliteStore"]
