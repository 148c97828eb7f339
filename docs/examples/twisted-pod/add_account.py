"""Add an account to a file and print its password: python add_account.py FILE NAME@TEAM"""

import secrets
import sys

from accounts import hashed

path, name = sys.argv[1:]
password = secrets.token_urlsafe()
stored = hashed(name.encode(), password.encode(), secrets.token_hex(16).encode())
with open(path, "a") as accounts:
    accounts.write(f"{name}:{stored.decode()}\n")
print(password)
