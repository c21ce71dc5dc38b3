import { Redactor } from '@saddle/transport'
import { describe, expect, it } from 'vitest'
import { explainRejection, unpackError } from './rejection.ts'

const main = 'refs/heads/main'

describe('why a ref was refused', () => {
  it.each([
    ['pre-receive hook declined', ['error: GH001: Large files detected.'], 'LARGE_FILE'],
    ['protected branch hook declined', ['error: GH006: Protected branch update failed for refs/heads/main.'], 'REF_PROTECTED'],
    ['push declined due to email privacy restrictions', ['error: GH007: Your push would publish a private email address.'], 'EMAIL_PRIVACY'],
    ['pre-receive hook declined', ['error: GH008: Your push referenced at least 2 unknown Git LFS objects:'], 'LFS_OBJECTS_MISSING'],
    ['push declined due to repository rule violations', ['error: GH013: Repository rule violations found for refs/heads/main.'], 'RULE_VIOLATION'],
    ['deny updating a hidden ref', [], 'REF_HIDDEN'],
    ['unpacker error', ['fatal: pack exceeds maximum allowed size (2.00 GiB)'], 'PACK_TOO_LARGE'],
    ['missing necessary objects', [], 'PACK_CORRUPT'],
    ['failed to update ref', [], 'REF_REJECTED'],
    ['pre-receive hook declined', [], 'REF_REJECTED'],
    ['a reason that nobody has seen yet', ['hello'], 'REF_REJECTED'],
  ])('is told from %j and %j', (said, messages, code) => {
    const explanation = explainRejection(main, said, messages)
    expect(explanation.code).toBe(code)
    expect(explanation.reason).toContain(said)
    // A cause and a remedy, each a sentence.
    expect(explanation.reason.split('. ').length).toBeGreaterThan(1)
  })

  it('goes by what is said about that ref, where several are refused for several reasons', () => {
    const messages = ['error: GH006: Protected branch update failed for refs/heads/main.', 'error: GH013: Repository rule violations found for refs/heads/x.']
    expect(explainRejection('refs/heads/x', 'pre-receive hook declined', messages).code).toBe('RULE_VIOLATION')
    expect(explainRejection(main, 'pre-receive hook declined', messages).code).toBe('REF_PROTECTED')
    expect(explainRejection('refs/heads/y', 'pre-receive hook declined', messages).code).toBe('REF_REJECTED')
  })

  it('prefers a reason that says it all to the text about another matter', () => {
    expect(explainRejection(main, 'protected branch hook declined', ['error: GH001: Large files detected.']).code).toBe('REF_PROTECTED')
  })

  it('names the files and objects that the target names', () => {
    const large = ['error: See https://gh.io/lfs for more information.', "error: File data/big one.bin is 123.00 MB; this exceeds GitHub's file size limit of 100.00 MB", 'error: GH001: Large files detected.']
    expect(explainRejection(main, 'pre-receive hook declined', large).reason).toMatch(/`git log --all --oneline -- <path>` lists the commits.* It names: data\/big one\.bin, 123\.00 MB\.$/)
    const oids = Array.from({ length: 12 }, (_, index) => `    ${String(index).padStart(64, 'a')}`)
    const { reason } = explainRejection(main, 'pre-receive hook declined', ['error: GH008: Your push referenced at least 12 unknown Git LFS objects:', ...oids])
    expect(reason).toContain(`It names: ${'a'.repeat(63)}0; `)
    expect(reason).toMatch(/ and 2 more\.$/)
  })

  it('shows nothing that would act on a terminal', () => {
    expect(explainRejection(main, 'no \u001b[2Jway', []).reason).toContain('(no way)')
  })
})

describe('why a pack was not taken', () => {
  it.each([
    ['index-pack abnormal exit', ['fatal: pack exceeds maximum allowed size (1.00 MiB)'], 'PACK_TOO_LARGE'],
    ['index-pack abnormal exit', ['fatal: pack is corrupted (SHA1 mismatch)'], 'PACK_CORRUPT'],
    ['index-pack abnormal exit', [], 'PACK_CORRUPT'],
    ['index-pack abnormal exit', ['fatal: write error: No space left on device'], 'UPSTREAM_ERROR'],
    ['something else', [], 'REF_REJECTED'],
  ])('is told from %j and %j', (said, messages, code) => {
    const error = unpackError(said, messages, new Redactor())
    expect(error.code).toBe(code)
    for (const line of messages) expect(error.message).toContain(line)
  })

  it('never repeats a secret', () => {
    expect(unpackError('bad', ['fatal: token s3cret-token'], new Redactor(['s3cret-token'])).message).not.toContain('s3cret')
  })
})
