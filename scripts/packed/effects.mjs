// What loading a module must not leave behind.
import { setImmediate } from 'node:timers/promises'

/** Libraries below us that keep something global, for good reasons of their own. */
const known = /^(__zod_|Symbol\(undici\.)|^__(extends|assign|rest|decorate|param|esDecorate|runInitializers|propKey|setFunctionName|metadata|awaiter|generator|exportStar|createBinding|values|read|spread|spreadArrays|spreadArray|await|asyncGenerator|asyncDelegator|asyncValues|makeTemplateObject|importStar|importDefault|classPrivateField(Get|Set|In)|addDisposableResource|disposeResources|rewriteRelativeImportExtension)$/

/** Looks at the process; call what is returned to compare, which throws when something was left. */
export function report() {
  const before = look()
  return async () => {
    // Files that were read are closed by then.
    await setImmediate()
    const after = look()
    for (const [what, names] of Object.entries(after)) {
      const left = names.filter((name) => !before[what].includes(name) && !known.test(name))
      if (left.length > 0) throw new Error(`loading left ${what}: ${left.join(', ')}`)
    }
  }
}

function look() {
  return {
    globals: Reflect.ownKeys(globalThis).map(String),
    listeners: process.eventNames().map(String),
    environment: Object.keys(process.env),
    resources: process.getActiveResourcesInfo().filter((name) => !/^(CloseReq|PipeWrap|TTYWrap|Immediate)$/.test(name)),
  }
}
