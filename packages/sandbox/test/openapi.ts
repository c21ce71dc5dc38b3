import { createRequire } from 'node:module'
import { readFileSync } from 'node:fs'
import { Ajv, type ValidateFunction } from 'ajv'
import addFormats from 'ajv-formats'

interface Description {
  readonly paths: Record<string, Record<string, { responses?: Record<string, unknown> }>>
}

interface Operation {
  readonly template: RegExp
  readonly path: string
  readonly parameters: number
}

/** Says whether an answer is one that GitHub's published description of its REST API allows. */
export class ApiDescription {
  readonly #ajv = new Ajv({ strict: false, allErrors: true, validateFormats: true, logger: false })
  readonly #document: Description
  readonly #operations: Operation[]
  readonly #compiled = new Map<string, ValidateFunction>()
  /** Operations checked, as `GET /user 200`. */
  readonly checked = new Set<string>()

  constructor() {
    const file = createRequire(import.meta.url).resolve('@octokit/openapi/generated/api.github.com.json')
    this.#document = JSON.parse(readFileSync(file, 'utf8')) as Description
    // The description wants an installation's account to be a user and an enterprise at once; the component has it right.
    const installations = resolve(this.#document, '#/paths/~1app~1installations/get/responses/200/content/application~1json/schema') as { items: object }
    installations.items = { $ref: '#/components/schemas/installation' }
    spellOutNull(this.#document)
    addFormats.default(this.#ajv)
    this.#ajv.addSchema(this.#document, 'api')
    this.#operations = Object.keys(this.#document.paths)
      .map((path) => ({
        path,
        parameters: path.split('{').length,
        template: new RegExp(`^${path.replace(/[.*+?^$()|[\]\\]/g, '\\$&').replace(/\{(ref|path)\}/g, '.+').replace(/\{[^}]+\}/g, '[^/]+')}$`),
      }))
      // `/user/repos` before `/user/{something}`.
      .sort((one, other) => one.parameters - other.parameters)
  }

  /** What is wrong with an answer; empty when it is as described. */
  faultsOf(method: string, pathWithQuery: string, status: number, body: unknown): string[] {
    const path = pathWithQuery.split('?')[0]!
    const operation = this.#operations.find(({ template, path: at }) => template.test(path) && method.toLowerCase() in this.#document.paths[at]!)
    // Where a redirect of a renamed repository leads.
    if (!operation && path.startsWith('/repositories/')) return []
    if (!operation) return [`${method} ${path} is not described`]
    const name = `${method} ${operation.path} ${status}`
    this.checked.add(name)
    const responses = this.#document.paths[operation.path]![method.toLowerCase()]!.responses ?? {}
    let response = responses[String(status)] as { $ref?: string; content?: Record<string, unknown> } | undefined
    // Failures are described for few operations, though all have the same form.
    let pointer = `#/paths/${escape(operation.path)}/${method.toLowerCase()}/responses/${status}`
    if (!response || (status === 301 && !response.content)) {
      if (status < 300) return [`${name} is not described`]
      pointer = `#/components/responses/${status === 422 ? 'validation_failed' : 'not_found'}`
      response = { $ref: pointer }
    }
    if (response.$ref) {
      pointer = response.$ref
      response = resolve(this.#document, pointer) as typeof response
    }
    if (!response?.content?.['application/json']) return body === '' || status >= 400 ? [] : [`${name} has a body`]
    const validate = this.#validator(`${pointer}/content/application~1json/schema`)
    if (validate(body)) return []
    return (validate.errors ?? []).map((error) => `${name}: ${error.instancePath} ${error.message} ${JSON.stringify(error.params)}`)
  }

  #validator(pointer: string): ValidateFunction {
    let validate = this.#compiled.get(pointer)
    if (!validate) this.#compiled.set(pointer, (validate = this.#ajv.compile({ $ref: `api${pointer}` })))
    return validate
  }
}

const escape = (part: string) => part.replaceAll('~', '~0').replaceAll('/', '~1').replaceAll('{', '%7B').replaceAll('}', '%7D')

function resolve(document: unknown, pointer: string): unknown {
  const parts = pointer.slice(2).split('/').map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'))
  return parts.reduce((at: unknown, part) => (at as Record<string, unknown>)[part], document)
}

/** `nullable: true` without a type, which JSON Schema does not know, becomes a choice. */
function spellOutNull(node: unknown): void {
  if (Array.isArray(node)) return node.forEach(spellOutNull)
  if (typeof node !== 'object' || node === null) return
  const schema = node as Record<string, unknown>
  Object.values(schema).forEach(spellOutNull)
  if (schema['nullable'] !== true) return
  delete schema['nullable']
  const inner = { ...schema }
  for (const key of Object.keys(schema)) delete schema[key]
  schema['anyOf'] = [inner, { type: 'null' }]
}
