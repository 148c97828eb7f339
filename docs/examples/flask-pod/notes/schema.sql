CREATE TABLE people (
    name TEXT PRIMARY KEY,
    password TEXT NOT NULL
);
CREATE TABLE teams (
    name TEXT PRIMARY KEY
);
CREATE TABLE notes (
    team TEXT NOT NULL REFERENCES teams (name),
    title TEXT NOT NULL,
    text TEXT NOT NULL,
    author TEXT NOT NULL,
    PRIMARY KEY (team, title)
);
CREATE TABLE files (
    id INTEGER PRIMARY KEY,
    team TEXT NOT NULL REFERENCES teams (name),
    name TEXT NOT NULL,
    sha256 TEXT NOT NULL
);
