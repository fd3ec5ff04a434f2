/** Who may do what: each role may do what those before it may. */
import type { Role } from '../api/types.ts'

const ROLES: Role[] = ['viewer', 'responder', 'editor', 'admin']

export const may = (role: Role | null, needed: Role) => role !== null && ROLES.indexOf(role) >= ROLES.indexOf(needed)
