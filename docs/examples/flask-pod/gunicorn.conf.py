"""How gunicorn serves the site."""

threads = 20  # each WebSocket has one
# pod: begin: pods of one machine would have the same one
control_socket_disable = True
# pod: end
