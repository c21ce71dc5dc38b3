#!/bin/bash
# What a user would do instead, for one repository: create it, clone a mirror, push branches, tags and notes.
set -euo pipefail
slug=$1
curl -sf -o /dev/null -H "Content-Type: application/json" -H "Authorization: token $GITHUB_TOKEN" -d "{\"name\":\"$slug$SUFFIX\",\"private\":true}" "$GITHUB_URL/orgs/acme/repos"
git clone -q --mirror "$BITBUCKET_URL/scm/bench/$slug.git" "$WORK/$slug.git"
git -C "$WORK/$slug.git" push -q "$GITHUB_WEB_URL/acme/$slug$SUFFIX.git" '+refs/heads/*:refs/heads/*' '+refs/tags/*:refs/tags/*'
