/** An object of Git LFS: its SHA-256 in lower-case hex and its size in bytes. */
export interface LfsObject {
  oid: string
  size: number
}

/** A pointer file is smaller than this (Git LFS specification: "pointer files must be less than 1024 bytes"). */
export const pointerSizeLimit = 1024

/** What every pointer file begins with. git-lfs still reads the two names that the format had before its release. */
const version = /^version (?:https:\/\/git-lfs\.github\.com\/spec\/v1|https:\/\/hawser\.github\.com\/spec\/v1|http:\/\/git-media\.io\/v\/2)\r?\n/

/**
 * Reads a Git LFS pointer file.
 *
 * @returns the object it points to, or undefined when the blob is no pointer; an empty object needs no transfer and is
 * not reported (git-lfs writes an empty file for it)
 */
export function parsePointer(blob: Uint8Array): LfsObject | undefined {
  if (blob.length >= pointerSizeLimit) return undefined
  const text = Buffer.from(blob.buffer, blob.byteOffset, blob.byteLength).toString('latin1')
  if (!version.test(text)) return undefined
  const oid = /^oid sha256:([0-9a-f]{64})\r?$/m.exec(text)?.[1]
  const size = /^size (\d{1,15})\r?$/m.exec(text)?.[1]
  if (oid === undefined || size === undefined || Number(size) === 0) return undefined
  return { oid, size: Number(size) }
}
