"""Steady scraping: CPU per sample, memory per series, WAL bytes per sample."""
from .session import Session


def run(workspace, options, progress):
    session = Session(workspace, options, progress)
    results, surroundings = [], []
    for group in session.groups():
        servers = session.start(group)
        session.warm(servers)
        measured, around = session.window(servers)
        results += measured
        surroundings.append(around)
        for server in servers:
            server.process.stop()
    return {"servers": results, "surroundings": surroundings, "warnings": session.warnings}
