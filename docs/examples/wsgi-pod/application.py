"""A WSGI application of a few lines, as it is without any pods."""


def application(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [f"This is {environ['PATH_INFO']}.\n".encode()]
