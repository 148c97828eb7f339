"""People, their sessions and whose a company is are shared by all pods; the rest is a pod's own."""

# pod: begin
SHARED = {"auth", "contenttypes", "sessions", "pod"}


def database_of(app: str) -> str:
    return "shared" if app in SHARED else "default"


class Databases:
    def db_for_read(self, model, **hints):
        return database_of(model._meta.app_label)

    db_for_write = db_for_read

    def allow_relation(self, one, other, **hints):
        return True

    def allow_migrate(self, db, app_label, **hints):
        return db == database_of(app_label)


# pod: end
