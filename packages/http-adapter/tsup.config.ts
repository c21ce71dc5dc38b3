import { copyFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { defineConfig } from 'tsup'
import { packageOptions } from '../../tsup.base.ts'

const redoc = createRequire(import.meta.url).resolve('redoc/bundles/redoc.standalone.js')

export default defineConfig({
  ...packageOptions({'index':'src/index.ts'}),
  // `import.meta.url` in the CommonJS build, to find the file beside it.
  shims: true,
  // Served at /redoc; nobody who installs the package has to install what it was made of.
  onSuccess: () => copyFile(redoc, 'dist/redoc.standalone.js'),
})
