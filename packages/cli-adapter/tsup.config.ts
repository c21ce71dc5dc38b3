import { defineConfig } from 'tsup'
import { packageOptions } from '../../tsup.base.ts'

export default defineConfig([
  { ...packageOptions({ index: 'src/index.ts' }), shims: true },
  // Run as a program only, never loaded: no second format, no types.
  { ...packageOptions({ bin: 'src/bin.ts' }), format: ['esm'], dts: false, clean: false },
])
