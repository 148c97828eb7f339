"""Add a member to a team and print the password: python add_member.py TEAM NAME"""

import secrets
import sys

from models import Member, engine
from pwdlib import PasswordHash
from sqlmodel import Session

team, name = sys.argv[1:]
password = secrets.token_urlsafe()
password_hash = PasswordHash.recommended().hash(password)
with Session(engine) as session:
    session.merge(Member(team=team, name=name, password_hash=password_hash))
    session.commit()
print(password)
