import { chmod, mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

/** What a push is looked through for. Each costs a walk over its objects. */
export interface PushChecks {
  /** Bytes. */
  readonly fileLimit: number | undefined
  readonly lfs: boolean
}

/** The variables that tell the hook its task. */
export function hookEnvironment({ fileLimit, lfs }: PushChecks): Record<string, string> {
  return {
    ...(fileLimit === undefined ? {} : { SANDBOX_FILE_LIMIT: String(fileLimit) }),
    ...(lfs ? { SANDBOX_CHECK_LFS: '1' } : {}),
  }
}

/** Writes the hook. Returns the folder for `core.hooksPath`. */
export async function writePushHook(folder: string): Promise<string> {
  await mkdir(folder, { recursive: true })
  const file = join(folder, 'pre-receive')
  await writeFile(file, hook)
  await chmod(file, 0o755)
  return folder
}

/** Refuses files over the limit (GH001) and pointers to LFS objects that are not here (GH008), in GitHub's words. */
const hook = `#!/bin/sh
tips=$(while read old new ref; do case $new in *[!0]*) echo "$new";; esac; done)
[ -n "$tips" ] || exit 0
blobs() {
  echo "$tips" | git rev-list --objects --stdin --not --all |
    git cat-file --batch-check='%(objecttype) %(objectsize) %(objectname) %(rest)' | grep '^blob '
}
if [ -n "$SANDBOX_FILE_LIMIT" ]; then
  large=$(blobs | awk -v limit="$SANDBOX_FILE_LIMIT" '$2 > limit {
    size = $2; $1 = $2 = $3 = ""; sub(/^ +/, "")
    printf "error: File %s is %.2f MB; this exceeds GitHub'"'"'s file size limit of %.2f MB\\n", $0, size / 1048576, limit / 1048576
  }')
  if [ -n "$large" ]; then
    echo "error: Trace: 0123456789abcdef" >&2
    echo "error: See https://gh.io/lfs for more information." >&2
    echo "$large" >&2
    echo "error: GH001: Large files detected. You may want to try Git Large File Storage - https://git-lfs.github.com." >&2
    exit 1
  fi
fi
if [ -n "$SANDBOX_CHECK_LFS" ]; then
  named=$(blobs | awk '$2 < 1024 { print $3 }' | git cat-file --batch | awk '
    $0 == "version https://git-lfs.github.com/spec/v1" { pointer = 1; next }
    pointer && /^oid sha256:[0-9a-f]+$/ { print substr($2, 8) }
    { pointer = 0 }' | sort -u)
  unknown=$(for oid in $named; do
    rest=\${oid#??}
    [ -f "lfs/objects/\${oid%"$rest"}/\${rest%"\${rest#??}"}/$oid" ] || echo "    $oid"
  done)
  if [ -n "$unknown" ]; then
    echo "error: GH008: Your push referenced at least $(echo "$unknown" | wc -l | tr -d ' ') unknown Git LFS object(s):" >&2
    echo "$unknown" | head -n 5 >&2
    echo "Try to push them with 'git lfs push --all'." >&2
    exit 1
  fi
fi
exit 0
`
