-- What a manifest says of a database: the major version of its server, its size, the version of its schema, the rows of each table, and a checksum of
-- the last sale. Variables: `snapshot`, the snapshot to see, or nothing for what is there now; `sale`, the sale to
-- look at, or nothing for the last one.
select :'snapshot' <> '' as given \gset
begin isolation level repeatable read read only;
\if :given
set transaction snapshot :'snapshot';
\endif
select 'server ' || current_setting('server_version_num')::int / 10000;
select 'database-bytes ' || pg_database_size(current_database());
select to_regclass('public.migrations') is not null as migrated \gset
\if :migrated
select 'schema ' || coalesce(max(name), 'none') from migrations;
\else
select 'schema none';
\endif
select format('select ''rows %s '' || count(*) from %I.%I', relname, nspname, relname)
from pg_class join pg_namespace n on n.oid = relnamespace
where nspname = 'public' and relkind in ('r', 'p')
order by relname \gexec
select to_regclass('public.sales') is not null as sells \gset
\if :sells
select 'last-sale ' || last.id || ' ' || last.number || ' ' || md5(concat_ws('|', last.id, last.number, last.total_minor,
  last.currency, extract(epoch from last.created_at),
  (select string_agg(concat_ws(',', line, product_id, quantity, line_total_minor), ';' order by line)
   from sale_items where sale_id = last.id)))
from (
  select * from sales where :'sale' in ('', id::text) order by number desc limit 1
) last;
\endif
commit;
