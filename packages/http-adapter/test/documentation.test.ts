import { JSDOM } from 'jsdom'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { setStage, type Stage } from './stage.ts'

let stage: Stage
beforeAll(async () => {
  stage = await setStage()
})
afterAll(() => stage[Symbol.asyncDispose]())

describe('the documentation', () => {
  it.each(['/docs', '/redoc'])('at %s loads from this server only, and has no script of its own in the page', async (path) => {
    const response = await fetch(stage.url + path)
    const policy = response.headers.get('content-security-policy') ?? ''
    expect(policy).toContain("default-src 'none'; script-src 'self';")
    expect(policy).not.toMatch(/https?:|unsafe-eval|upgrade-insecure-requests/)
    const { document } = new JSDOM(await response.text(), { url: response.url }).window
    const scripts = [...document.querySelectorAll('script')]
    expect(scripts.length).toBeGreaterThan(1)
    for (const script of scripts) {
      expect(script.textContent?.trim()).toBe('')
      expect(new URL(script.src).origin).toBe(stage.url)
      expect(await (await fetch(script.src)).text()).not.toBe('')
    }
    expect(document.querySelectorAll('[onload],[onclick],[onerror]')).toHaveLength(0)
  })

  it('at /redoc shows every group, without making code of text, which its policy forbids', async () => {
    const made: string[] = []
    const dom = await JSDOM.fromURL(`${stage.url}/redoc`, {
      runScripts: 'dangerously',
      resources: 'usable',
      pretendToBeVisual: true,
      beforeParse(window) {
        const refuse = (text: unknown) => {
          made.push(String(text))
          throw new Error('refused by the policy')
        }
        const { Function: make } = window as unknown as { Function: (...parts: string[]) => unknown }
        Object.assign(window, {
          eval: refuse,
          Function: new Proxy(make, { construct: (_, parts) => refuse(parts), apply: (_, __, parts) => refuse(parts) }),
          // What jsdom has not and every browser has.
          fetch: (path: string, init?: RequestInit) => fetch(new URL(path, stage.url), init),
          Headers, Request, Response, TextEncoder, TextDecoder, structuredClone,
          matchMedia: () => ({ matches: false, addListener() {}, removeListener() {} }),
          IntersectionObserver: class { observe() {} unobserve() {} disconnect() {} },
          scrollTo() {},
        })
      },
    })
    const text = () => dom.window.document.body.textContent ?? ''
    await expect.poll(text, { timeout: 30_000 }).toContain('Give teams a permission on many repositories')
    for (const group of ['auth', 'bitbucket', 'github', 'migration', 'bulk-migration', 'teams', 'health']) expect(text()).toContain(group)
    expect(made).toEqual([])
    dom.window.close()
  })
})
