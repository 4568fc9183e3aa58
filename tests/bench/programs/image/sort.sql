\set first random(1, 900000)
select count(*) from (select md5(aid::text || filler) as hash from pgbench_accounts where aid between :first and :first + 60000 order by 1 offset 0) as sorted;
