/** The options over the defaults; an option that is present but undefined counts as left out. */
export function withDefaults<Defaults extends object>(
  defaults: Defaults,
  options: { readonly [Key in keyof Defaults]?: Defaults[Key] | undefined } = {},
): Defaults {
  const given = Object.entries(options).filter(([, value]) => value !== undefined)
  return { ...defaults, ...Object.fromEntries(given) }
}
