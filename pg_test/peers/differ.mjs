// @pgkit/migra or pg-delta (the first argument names the package, the second the folder that holds it) behind a
// pipe: a line {"from": URL, "to": URL} in, a line {"sql", "unmanaged"} or {"error"} out.

import { createRequire } from "node:module";
import { createInterface } from "node:readline";

const [name, folder] = process.argv.slice(2);
const require = createRequire(`${folder}/`);
const load = (module) => import(require.resolve(module));
const answer = (value) => process.stdout.write(`${JSON.stringify(value)}\n`);

const differs = {
    "@pgkit/migra": async () => {
        const { run } = await load("@pgkit/migra");
        const { createClient } = await load("@pgkit/client");
        return async (from, to) => {
            const clients = [createClient(from), createClient(to)];
            try {
                const migration = await run(...clients, { unsafe: true, withPrivileges: true });
                return { sql: migration.sql };
            } finally {
                await Promise.all(clients.map((client) => client.end()));
            }
        };
    },
    "@supabase/pg-delta": async () => {
        const { extract, plan, renderPlanFiles } = await load("@supabase/pg-delta");
        const { Pool } = createRequire(require.resolve("@supabase/pg-delta"))("pg");
        return async (from, to) => {
            const pools = [from, to].map((connectionString) => new Pool({ connectionString }));
            try {
                const [before, after] = await Promise.all(pools.map((pool) => extract(pool, { redactSecrets: false })));
                const made = plan(before.factBase, after.factBase, { renames: "off", redactSecrets: false });
                const { files } = renderPlanFiles(made, { allowDrops: true });
                const sql = files.map((file) => (file.transactional ? `BEGIN;\n${file.contents}COMMIT;\n` : file.contents)).join("");
                const unmanaged = [...before.diagnostics, ...after.diagnostics].filter((d) => d.code === "unmodeled_kind");
                return { sql, unmanaged: unmanaged[0]?.message };
            } finally {
                await Promise.all(pools.map((pool) => pool.end()));
            }
        };
    },
};

const differ = await differs[name]();
answer({ version: require(`${folder}/node_modules/${name}/package.json`).version });
for await (const line of createInterface({ input: process.stdin })) {
    const { from, to } = JSON.parse(line);
    answer(await differ(from, to).catch((error) => ({ error: String(error) })));
}
