/** The tree of names: which rows stand there, given what is open and what has been fetched. Pure. */
import type { Trouble } from '../../api/client.ts'
import type { TreeNode } from '../../api/types.ts'

export type Branch = { state: 'loading' } | { state: 'ready'; nodes: TreeNode[] } | { state: 'failed'; trouble: Trouble }

export type TreeRow =
  | { kind: 'node'; node: TreeNode; depth: number; open: boolean; position: number; of: number }
  | { kind: 'loading' | 'failed'; under: string; depth: number }

export function rowsOf(branches: Map<string, Branch>, open: Set<string>): TreeRow[] {
  const rows: TreeRow[] = []
  walk('', 0)
  return rows

  function walk(under: string, depth: number) {
    const branch = branches.get(under)
    if (!branch || branch.state !== 'ready') {
      rows.push({ kind: branch?.state === 'failed' ? 'failed' : 'loading', under, depth })
      return
    }
    branch.nodes.forEach((node, position) => {
      const isOpen = node.expandable === 1 && open.has(node.id)
      rows.push({ kind: 'node', node, depth, open: isOpen, position: position + 1, of: branch.nodes.length })
      if (isOpen) walk(node.id, depth + 1)
    })
  }
}

/** `a.b.c` and all that it lies in. */
export function ancestors(path: string): string[] {
  const parts = path.split('.').filter(Boolean)
  return parts.map((_, index) => parts.slice(0, index + 1).join('.'))
}

/** Where an arrow key leads: another row, or a folder that opens or closes. */
export type Move = { to: number } | { open: string } | { close: string } | null

export function move(rows: TreeRow[], at: number, key: string): Move {
  const row = rows[at]
  switch (key) {
    case 'ArrowDown':
      return { to: Math.min(rows.length - 1, at + 1) }
    case 'ArrowUp':
      return { to: Math.max(0, at - 1) }
    case 'Home':
      return { to: 0 }
    case 'End':
      return { to: rows.length - 1 }
    case 'ArrowRight':
      if (row?.kind !== 'node' || !row.node.expandable) return null
      return row.open ? { to: Math.min(rows.length - 1, at + 1) } : { open: row.node.id }
    case 'ArrowLeft':
      if (row?.kind === 'node' && row.open) return { close: row.node.id }
      return parent(rows, at)
  }
  return null
}

function parent(rows: TreeRow[], at: number): Move {
  const depth = rows[at]?.depth ?? 0
  for (let i = at - 1; i >= 0; i--) if (rows[i].depth < depth) return { to: i }
  return null
}
