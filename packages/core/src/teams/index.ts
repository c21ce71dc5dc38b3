export { pairsOf, TeamsManager, type TeamsManagerOptions } from './manager.ts'
export { permissionNames, toPermissionName, toTeamPermission, type PermissionName } from './permission.ts'
export type * from './types.ts'
