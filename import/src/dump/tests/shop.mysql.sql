-- MySQL dump 10.13  Distrib 8.0.36, for Linux (x86_64)
--
-- Host: localhost    Database: boutique
/*!40101 SET @OLD_CHARACTER_SET_CLIENT=@@CHARACTER_SET_CLIENT */;
/*!40101 SET NAMES utf8mb4 */;

DROP TABLE IF EXISTS `clients`;
CREATE TABLE `clients` (
  `id` int(10) unsigned NOT NULL AUTO_INCREMENT,
  `nom` varchar(120) COLLATE utf8mb4_unicode_ci NOT NULL DEFAULT '',
  `e-mail` varchar(191) DEFAULT NULL COMMENT 'unique, si donné; sinon vide',
  `actif` tinyint(1) NOT NULL DEFAULT '1',
  `solde` decimal(12,2) unsigned NOT NULL DEFAULT '0.00',
  `civilité` enum('M.','Mme','l''autre') DEFAULT 'Mme',
  `droits` set('a','b') DEFAULT NULL,
  `photo` longblob,
  `created_at` datetime(6) DEFAULT CURRENT_TIMESTAMP(6),
  `updated_at` timestamp NULL DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP,
  `naissance` date DEFAULT '0000-00-00',
  PRIMARY KEY (`id`),
  UNIQUE KEY `email` (`e-mail`),
  KEY `nom` (`nom`(20)),
  FULLTEXT KEY `cherche` (`nom`)
) ENGINE=InnoDB AUTO_INCREMENT=4 DEFAULT CHARSET=utf8mb4 COMMENT='clients; (tous)';

LOCK TABLES `clients` WRITE;
INSERT INTO `clients` VALUES (1,'O\'Brien; (x)',NULL,1,0.00,'M.',NULL,'\0',NULL,NULL,NULL),(2,'b','b@c',0,1.5,'Mme','a',NULL,NULL,NULL,NULL);
INSERT IGNORE INTO `clients` (`id`, `nom`) VALUES (3, '),(');
UNLOCK TABLES;

CREATE TABLE produits (
  code char(13) NOT NULL,
  `key` int DEFAULT NULL,
  stock int NOT NULL DEFAULT 0,
  prix double(10,2) DEFAULT NULL,
  ttc decimal(10,2) GENERATED ALWAYS AS (prix * 1.2) STORED,
  poids float CHECK (poids > 0),
  bits bit(1) DEFAULT b'0'
) ENGINE=MyISAM;
ALTER TABLE produits ADD PRIMARY KEY (code), ADD KEY `nom` (`key`);

CREATE TABLE lignes (
  id int NOT NULL,
  client int unsigned DEFAULT NULL,
  produit char(13) CHARACTER SET ascii DEFAULT NULL,
  quantité smallint NOT NULL,
  CONSTRAINT fk1 FOREIGN KEY (client) REFERENCES clients (id) ON DELETE CASCADE ON UPDATE CASCADE,
  FOREIGN KEY (produit) REFERENCES produits (code) ON DELETE SET NULL
);
ALTER TABLE `lignes`
  ADD PRIMARY KEY (`id`),
  MODIFY `id` int(11) NOT NULL AUTO_INCREMENT, AUTO_INCREMENT=3;
INSERT INTO lignes VALUES (1, 1, '1', 2);
INSERT INTO lignes VALUES (2, 1, '1', 2);

CREATE TABLE prix (
  produit char(13) NOT NULL, depuis date NOT NULL, prix decimal(65,30),
  numero int NOT NULL AUTO_INCREMENT UNIQUE,
  PRIMARY KEY (produit, depuis)
);
CREATE TABLE journal (quoi text, quand time, PRIMARYX int, produit char(13), depuis date,
  FOREIGN KEY (produit, depuis) REFERENCES prix (produit, depuis));

DELIMITER ;;
CREATE TRIGGER t BEFORE INSERT ON lignes FOR EACH ROW BEGIN
  SET NEW.id = 1; DELETE FROM journal;
END ;;
DELIMITER ;
/*!50001 CREATE ALGORITHM=UNDEFINED */
/*!50013 DEFINER=`root`@`localhost` SQL SECURITY DEFINER */
/*!50001 VIEW `v` AS select 1 */;
/*!50001 DROP VIEW IF EXISTS `v`*/;
/*!50001 CREATE ALGORITHM=UNDEFINED */
/*!50013 DEFINER=`root`@`localhost` SQL SECURITY DEFINER */
/*!50001 VIEW `v` AS select `c`.`id` AS `id`,concat(`c`.`nom`,' (',`c`.`civilité`,')') AS `qui`,count(`boutique`.`l`.`id`) / 2 AS `moitié`
from (`boutique`.`clients` `c` left join `boutique`.`lignes` `l` on((`l`.`client` = `c`.`id`))) where (year(`c`.`created_at`) > 2000 or isnull(`c`.`created_at`)) group by `c`.`id` */;
CREATE VIEW illisible AS SELECT nom REGEXP '^a' AS a, ST_Area(nom) FROM clients;
