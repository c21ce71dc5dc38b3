#!/bin/bash
# What a user would do instead, for one repository with Git LFS objects: the steps of GitHub's documentation.
set -euo pipefail
slug=$1
target="$GITHUB_WEB_URL/acme/$slug$SUFFIX.git"
curl -sf -o /dev/null -H "Content-Type: application/json" -H "Authorization: token $GITHUB_TOKEN" -d "{\"name\":\"$slug$SUFFIX\",\"private\":true}" "$GITHUB_URL/orgs/acme/repos"
git clone -q --bare "$BITBUCKET_URL/scm/bench/$slug.git" "$WORK/$slug.git"
cd "$WORK/$slug.git"
git config lfs.locksverify false
git lfs fetch --all origin >/dev/null 2>&1
git lfs push --all "$target" >/dev/null 2>&1
git push -q "$target" '+refs/heads/*:refs/heads/*' '+refs/tags/*:refs/tags/*'
