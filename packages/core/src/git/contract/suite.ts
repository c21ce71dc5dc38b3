import assert from 'node:assert/strict'
import type { TestFunctions } from '../../test-functions.ts'
import { failing } from './breaking.ts'
import { runner, type GitBackendUnderTest, type Scene } from './kit.ts'
import { moving } from './moving.ts'
import { refusing } from './refusing.ts'

/** Names of the tests of the contract that a backend does not pass, each with the reason. */
export type Exceptions = Readonly<Record<string, string>>

/**
 * The contract of `GitBackend`. Every implementation passes it, those of others as well.
 *
 * @param exceptions - what a backend cannot do; the suite sees to it that it indeed cannot
 */
export function gitBackendSuite(
  { describe, it, beforeEach, afterEach }: TestFunctions,
  name: string,
  make: () => Promise<GitBackendUnderTest>,
  exceptions: Exceptions = {},
): void {
  const cases = Object.entries({ ...moving, ...refusing, ...failing })
  for (const exception of Object.keys(exceptions)) {
    if (!cases.some(([known]) => known === exception)) throw new Error(`There is no test of that name: ${exception}`)
  }
  describe(`${name}: contract of GitBackend`, () => {
    let tested: GitBackendUnderTest
    let said: unknown[]
    let scene: Scene
    beforeEach(async () => {
      tested = await make()
      said = []
      const { pair, fail, refuse, left, manyRefs } = tested
      scene = { pair, fail, refuse, ...(left ? { left } : {}), ...(manyRefs === undefined ? {} : { manyRefs }), run: runner(tested, said) }
    })
    afterEach(async () => {
      await tested.dispose()
      const text = said.map((one) => (one instanceof Error ? one.message : JSON.stringify(one))).join('\n')
      for (const secret of tested.secrets) assert.equal(text.includes(secret), false, 'a secret was said')
    })
    for (const [title, body] of cases) {
      const exception = exceptions[title]
      if (exception === undefined) it(title, () => body(scene))
      else it(`${title} (not by this one: ${exception})`, () => assert.rejects(body(scene), 'It is no exception any more.'))
    }
  })
}
