#!/bin/sh -e
# Uses the API of the demo world through a router: ROUTER is its URL, as `twistd -n pods-demo` prints it.
jar=$(mktemp)
trap 'rm -f "$jar"' EXIT
ask() { echo "$1"; shift; curl --silent --show-error --fail "$@"; echo; }
field() { sed "s/.*\"$1\": \"\([^\"]*\)\".*/\1/"; }
json="Content-Type: application/json"

# A browser's session, and from then on a token, as a program has one.
curl --silent --fail --cookie-jar "$jar" --output /dev/null \
    --data "username=casey&password=casey-pays-for-this" "$ROUTER/users/sign_in"
token=$(curl --silent --fail --cookie "$jar" --header "$json" --data '{"name": "script"}' \
    "$ROUTER/api/v4/personal_access_tokens" | field token)
me="Private-Token: $token"
ask "Who am I?" --header "$me" "$ROUTER/api/v4/user"

# One project in three ways: its encoded path, its path in GraphQL, its organization's GraphQL.
ask "By its path:" --header "$me" "$ROUTER/api/v4/projects/my-company%2Fmy-project"
ask "At the endpoint for all:" --header "$me" --header "$json" \
    --data '{"query": "{ project(fullPath: \"my-company/my-project\") { id name } }"}' \
    "$ROUTER/api/graphql"
ask "At the organization's own:" --header "$me" --header "$json" \
    --data '{"query": "{ projects(search: \"my project\") { id fullPath } }"}' \
    "$ROUTER/api/organizations/my-organization/graphql"

# What one pod finds, and where it does not look.
ask "Search:" --header "$me" "$ROUTER/api/v4/search?search=ship"

# A job, and a runner that is shared by all pods.
curl --silent --fail --cookie-jar "$jar" --output /dev/null \
    --data "username=root&password=root-sees-to-this" "$ROUTER/users/sign_in"
runner=$(curl --silent --fail --cookie "$jar" --header "$json" --data '{"description": "mine"}' \
    "$ROUTER/api/v4/runners" | field token)
ask "A job is made:" --header "$me" --header "$json" --data '{"name": "test"}' \
    "$ROUTER/api/v4/projects/my-company%2Fmy-project/jobs"
ask "The runner gets it:" --header "$json" --data "{\"token\": \"$runner\"}" \
    "$ROUTER/api/v4/jobs/request"
